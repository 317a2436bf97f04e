"""A log of numbers during training, under the name by which PyTorch programs know TensorBoard's.

Programs that write ``SummaryWriter(log_dir).add_scalar("loss", value, step)`` run unchanged. The
numbers go to a table, ``scalars.csv`` in that folder, which any program opens; TensorBoard's own
files are not written.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any


class SummaryWriter:
    """Writes rows (tag, step, value, time in seconds since 1970) to ``log_dir/scalars.csv``.

    What is there already stays; rows are added at the end.
    """

    def __init__(self, log_dir: Any = None, comment: str = "", **_options: Any) -> None:
        self.log_dir = str(log_dir if log_dir is not None else f"runs/nncourse{comment}")
        path = Path(self.log_dir) / "scalars.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "a", newline="", encoding="utf-8")  # noqa: SIM115
        self._rows = csv.writer(self._file)
        if not self._file.tell():
            self._rows.writerow(["tag", "step", "value", "time"])

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        **_options: Any,
    ) -> None:
        """One number; a tensor with one element will do."""
        value = float(scalar_value.item() if hasattr(scalar_value, "item") else scalar_value)
        when = time.time() if walltime is None else walltime
        step = "" if global_step is None else int(global_step)
        self._rows.writerow([tag, step, repr(value), f"{when:.3f}"])

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: dict[str, Any], global_step: int | None = None
    ) -> None:
        """Several numbers, as main_tag/name."""
        for name, value in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{name}", value, global_step)

    def flush(self) -> None:
        """Bring all rows to the file."""
        self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *_error: Any) -> None:
        self.close()
