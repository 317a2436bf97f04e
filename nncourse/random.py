"""Random numbers with seeds.

Everything random in the library draws from a ``Generator``: the default one, which
``manual_seed`` restarts, or one that the caller passes, so that two parts of a program (say,
initial weights and the order of the batches) can be made independent of each other.
"""

from __future__ import annotations

import secrets
from typing import Any

from nncourse.backend import CPU, concrete, device, device_of, is_array, random_stream

_place = device  # the class, where a parameter has its name


class Generator:
    """A stream of random numbers; the same seed gives the same stream (PCG64).

    ``Generator()`` takes a seed from the operating system, as ``initial_seed()`` tells.
    ``Generator(device="cuda")`` draws on a GPU, by another algorithm (Philox): other numbers.
    """

    def __init__(self, seed: Any = None, device: Any = CPU) -> None:
        if isinstance(seed, str | _place):  # PyTorch's constructor takes the device alone
            seed, device = None, seed
        self._seed = secrets.randbits(63) if seed is None else seed
        self._device = _place(device)
        self._stream: Any = None

    @property
    def device(self) -> Any:
        """Where the numbers are drawn."""
        return self._device

    def manual_seed(self, seed: int) -> Generator:
        """Restart the stream from ``seed``. Returns the generator itself."""
        self._seed = int(seed)
        self._stream = None
        return self

    def seed(self) -> int:
        """Restart from a seed of the operating system, and return it."""
        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        """The seed from which the stream was last started."""
        return self._seed

    @property
    def stream(self) -> Any:
        """NumPy's generator (CuPy's on a GPU), for draws that the library does not wrap."""
        if self._stream is None:
            self._stream = random_stream(self._device, self._seed % 2**64)
        return self._stream

    def get_state(self) -> dict:
        """The state of the stream, for ``set_state``. CuPy cannot tell that of a GPU's."""
        if self._device.type != "cpu":
            raise RuntimeError(
                f"the state of a generator on {self._device} cannot be read: draw on the cpu what "
                "must go on after a pause, and move it"
            )
        return {"seed": self._seed, "stream": self.stream.bit_generator.state}

    def set_state(self, state: dict) -> None:
        """Continue from a state that ``get_state`` returned."""
        self.manual_seed(state["seed"])
        self.stream.bit_generator.state = state["stream"]

    def __repr__(self) -> str:
        where = "" if self._device == CPU else f", device={str(self._device)!r}"
        return f"Generator(seed={self._seed}{where})"


default_generator = Generator()


# The default generators of GPUs, made when they are first asked for.
_elsewhere: dict[device, Generator] = {}


def manual_seed(seed: int) -> Generator:
    """Restart the default generators of all devices from ``seed``; return the processor's."""
    for generator in _elsewhere.values():
        generator.manual_seed(seed)
    return default_generator.manual_seed(seed)


def stream(generator: Generator | None, where: Any) -> Any:
    """The stream to draw from for a device, or for the device of an array.

    That of the generator, which must live there, or of the device's default generator.
    """
    place = device_of(where) if is_array(where) else concrete(where)
    if generator is not None:
        if generator.device.type != place.type:
            raise RuntimeError(
                f"numbers are wanted on {place}, but the generator draws on {generator.device}: "
                f"make it with Generator(device={place.type!r})"
            )
        return generator.stream
    if place.type == "cpu":
        return default_generator.stream
    if place not in _elsewhere:
        _elsewhere[place] = Generator(default_generator.initial_seed(), place)
    return _elsewhere[place].stream


def initial_seed() -> int:
    """The seed from which the processor's default generator was last started."""
    return default_generator.initial_seed()


def get_rng_state() -> dict:
    """The state of the processor's default generator, for ``set_rng_state``."""
    return default_generator.get_state()


def set_rng_state(new_state: dict) -> None:
    """Continue drawing from a state that ``get_rng_state`` returned."""
    default_generator.set_state(new_state)
