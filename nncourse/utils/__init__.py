"""Modules under the names by which PyTorch programs import them."""

from nncourse.utils import data

__all__ = ["data"]
