"""The addresses at which PyTorch programs look for data and logs."""

import csv
import importlib
import math

import pytest

import nncourse as nnc
from nncourse.utils.tensorboard import SummaryWriter


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("utils.data", "DataLoader Dataset TensorDataset RandomSampler random_split"),
        ("utils.data.dataloader", "DataLoader default_collate"),
        ("utils.data.dataset", "Dataset Subset IterableDataset"),
        ("utils.data.sampler", "Sampler BatchSampler WeightedRandomSampler"),
        ("utils.tensorboard", "SummaryWriter"),
    ],
)
def test_names_stand_where_programs_import_them(module, names):
    found = importlib.import_module(f"nncourse.{module}")
    for name in names.split():
        assert getattr(found, name).__name__ == name


def test_the_sampler_of_a_program_that_counts_steps():
    """As character models do: a data set of items, and samples without end."""

    class Characters(nnc.utils.data.Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, i):
            x = nnc.zeros(4, dtype=nnc.long)
            x[:2] = i
            return x, x + 1

    sampler = nnc.utils.data.RandomSampler(Characters(), replacement=True, num_samples=int(1e10))
    loader = nnc.utils.data.DataLoader(
        Characters(), sampler=sampler, shuffle=False, pin_memory=True, batch_size=3, num_workers=4
    )
    batches = iter(loader)
    for _ in range(20):
        x, y = next(batches)
        assert x.shape == (3, 4)
        assert (y - x == 1).all()
        assert x.dtype == nnc.int64


def test_scalars_go_to_a_table(tmp_path):
    with SummaryWriter(log_dir=tmp_path / "log") as writer:
        writer.add_scalar("Loss/train", nnc.tensor(0.1), 3)
        writer.add_scalars("Loss", {"a": 1, "b": math.inf})
        writer.flush()
    with SummaryWriter(tmp_path / "log") as writer:
        writer.add_scalar("Loss/train", 0.25, 4)
    with open(tmp_path / "log" / "scalars.csv", encoding="utf-8", newline="") as file:
        rows = [row[:3] for row in csv.reader(file)]
    assert rows[0] == ["tag", "step", "value"]
    assert [(tag, step, float(value)) for tag, step, value in rows[1:]] == [
        ("Loss/train", "3", pytest.approx(0.1)),
        ("Loss/a", "", 1.0),
        ("Loss/b", "", math.inf),
        ("Loss/train", "4", 0.25),
    ]
