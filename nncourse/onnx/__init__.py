"""Networks in the ONNX format, which other programs and languages run: see ``export``."""

from nncourse.onnx.export import ExportError, export

__all__ = ["ExportError", "export"]
