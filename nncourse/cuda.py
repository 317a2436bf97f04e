"""The GPUs of this machine: is there one, how many, which is the current one.

Tensors come to a GPU with ``x.to("cuda")``, modules with ``module.to("cuda")``. The work is done by
CuPy, which must be installed: ``pip install cupy-cuda12x`` (or 13x, as ``nvidia-smi`` tells).
Operations run on the current GPU; with several, ``with cuda.device(1):`` chooses another.
"""

from __future__ import annotations

from typing import Any

from nncourse.backend import concrete, gpu, has_gpu
from nncourse.backend import device as _device
from nncourse.random import Generator, manual_seed


def is_available() -> bool:
    """Can tensors be moved to a GPU?"""
    return has_gpu()


def device_count() -> int:
    """How many GPUs there are; 0 without CuPy."""
    return int(gpu().cuda.runtime.getDeviceCount()) if has_gpu() else 0


def current_device() -> int:
    """The number of the current GPU."""
    return concrete("cuda").index or 0


def set_device(device: Any) -> None:
    """Make a GPU the current one: a number, or a device."""
    gpu().cuda.Device(_number(device)).use()


class device:
    """``with cuda.device(1):`` makes that GPU the current one inside."""

    def __init__(self, device: Any) -> None:
        self._guard = gpu().cuda.Device(_number(device))

    def __enter__(self) -> None:
        self._guard.__enter__()

    def __exit__(self, *error: object) -> None:
        self._guard.__exit__(*error)


def get_device_name(device: Any = None) -> str:
    """What the maker calls a GPU."""
    return gpu().cuda.runtime.getDeviceProperties(_number(device))["name"].decode()


def synchronize(device: Any = None) -> None:
    """Wait until a GPU has done all its work: for measuring time, since calls return before."""
    gpu().cuda.Device(_number(device)).synchronize()


def manual_seed_all(seed: int) -> Generator:
    """Restart the default generators of all devices; ``nnc.manual_seed`` does so, too."""
    return manual_seed(seed)


def _number(device: Any) -> int:
    return concrete("cuda" if device is None else _device(device)).index or 0


__all__ = [
    "current_device",
    "device",
    "device_count",
    "get_device_name",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "set_device",
    "synchronize",
]
