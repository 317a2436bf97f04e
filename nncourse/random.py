"""Random numbers with seeds.

Everything random in the library draws from a ``Generator``: the default one, which
``manual_seed`` restarts, or one that the caller passes, so that two parts of a program (say,
initial weights and the order of the batches) can be made independent of each other.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class Generator:
    """A stream of random numbers; the same seed gives the same stream (PCG64).

    ``Generator()`` takes a seed from the operating system, as ``initial_seed()`` tells.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._seed = secrets.randbits(63) if seed is None else seed
        self._stream: np.random.Generator | None = None

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
    def stream(self) -> np.random.Generator:
        """NumPy's generator, for draws that the library does not wrap."""
        if self._stream is None:
            # Importing numpy.random takes longer than all of this package: wait until it is needed.
            import numpy as np

            self._stream = np.random.Generator(np.random.PCG64(self._seed % 2**64))
        return self._stream

    def get_state(self) -> dict:
        """The state of the stream, for ``set_state``."""
        return {"seed": self._seed, "stream": self.stream.bit_generator.state}

    def set_state(self, state: dict) -> None:
        """Continue from a state that ``get_state`` returned."""
        self.manual_seed(state["seed"])
        self.stream.bit_generator.state = state["stream"]

    def __repr__(self) -> str:
        return f"Generator(seed={self._seed})"


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Restart the default generator from ``seed``, and return it."""
    return default_generator.manual_seed(seed)
