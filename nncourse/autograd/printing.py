"""How tensors look when they are printed; ``set_printoptions`` has PyTorch's settings."""

from __future__ import annotations

from typing import Any

import numpy as np

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": 2**62, "edgeitems": 3, "linewidth": 80},
}
_options = dict(_PROFILES["default"])
_scientific: bool | None = None


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how numbers are printed, from now on.

    precision: digits after the point. threshold: from how many elements on only ``edgeitems`` at
    each end of an axis are shown. linewidth: characters per line. profile: "default", "short" or
    "full", which set all four. sci_mode: powers of ten, always or never; None: where they help.
    """
    global _scientific
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"profile must be one of {', '.join(_PROFILES)}; got {profile!r}")
        _options.update(_PROFILES[profile])
    given = {
        "precision": precision,
        "threshold": None if threshold is None else min(threshold, 2**62),
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    _options.update({name: int(value) for name, value in given.items() if value is not None})
    _scientific = sci_mode


def text(array: np.ndarray, prefix: str) -> str:
    """The numbers of an array, as they stand in a tensor's repr."""
    formatter = None
    if _scientific and array.dtype.kind == "f":
        digits = _options["precision"]
        formatter = {"float_kind": lambda x: f"{x:.{digits}e}"}
    return np.array2string(
        array,
        separator=", ",
        suppress_small=_scientific is not True,
        prefix=prefix,
        formatter=formatter,  # type: ignore[arg-type]
        max_line_width=_options["linewidth"],
        precision=_options["precision"],
        threshold=_options["threshold"],
        edgeitems=_options["edgeitems"],
    )
