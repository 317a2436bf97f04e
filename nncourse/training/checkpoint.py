"""A training in a file, so that one that was killed goes on as if nothing had happened.

The file holds all on which the rest of the training depends: weights and buffers, the optimiser's
averages, the schedule, the states of all random generators (and with them the order of the batches
and the masks of dropout that are to come), the history and the callbacks. It is written after an
epoch, to a temporary file that takes the old one's place when it is complete and on the disk: at
whatever moment the process dies, one whole checkpoint is there.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from nncourse.inspection.generators import find_generators, random_states, set_random_states
from nncourse.serialization import load, save
from nncourse.training.callbacks import Run

_VERSION = 1


class Checkpoint:
    """The file of a run; ``found``: its generators, sought once, for data sets may be large."""

    def __init__(self, path: Any, run: Run, callbacks: list[Any]) -> None:
        self.path = Path(path)
        self.run = run
        self.callbacks = callbacks
        self.found = find_generators(
            loader=run.loader, model=run.model, loss=run.loss, callbacks=callbacks
        )
        self._clear()

    def _clear(self) -> None:
        """Remove what writers that were killed have left half done."""
        leftover = re.compile(rf"\.{re.escape(self.path.name)}\.[0-9a-f]{{12}}\.tmp")
        if self.path.parent.is_dir():
            for path in self.path.parent.iterdir():
                if leftover.fullmatch(path.name):
                    with suppress(OSError):
                        path.unlink()

    def _parts(self) -> dict[str, Any]:
        """What has a state, by name."""
        run = self.run
        parts = {"model": run.model, "optimizer": run.optimizer, "history": run.history}
        others = {
            "scheduler": run.scheduler,
            "loss": run.loss,
            "loader": run.loader,
            "sampler": getattr(run.loader, "sampler", None),
        }
        others |= {f"callback {i}": callback for i, callback in enumerate(self.callbacks)}
        parts |= {name: part for name, part in others.items() if hasattr(part, "state_dict")}
        return parts

    def save(self) -> None:
        """Write the run as it is after an epoch."""
        run = self.run
        state = {name: part.state_dict() for name, part in self._parts().items()}
        save(
            {
                "checkpoint": _VERSION,
                "epoch": run.epoch,
                "stop": run.stop,
                "steps_taken": run.optimizer.steps_taken,
                "random": random_states(self.found),
                "state": state,
            },
            self.path,
        )

    def load(self) -> bool:
        """Bring the run to where the file left it; False if there is no file yet."""
        if not self.path.exists():
            return False
        saved = load(self.path)
        if not isinstance(saved, dict) or saved.get("checkpoint") != _VERSION:
            raise ValueError(f"{self.path} is no checkpoint of fit(): it holds something else")
        parts = self._parts()
        if parts.keys() != saved["state"].keys():
            raise ValueError(
                f"{self.path} was written by a training with {', '.join(saved['state'])}; this one "
                f"has {', '.join(parts)}"
            )
        for name, part in parts.items():
            part.load_state_dict(saved["state"][name])
        set_random_states(saved["random"], self.found)
        run = self.run
        run.epoch, run.stop = saved["epoch"], saved["stop"]
        run.optimizer.steps_taken = saved["steps_taken"]
        return True
