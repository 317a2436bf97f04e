"""Data sets and batches."""

from nncourse.data.dataset import TensorDataset
from nncourse.data.digits import digits
from nncourse.data.loader import DataLoader
from nncourse.data.toy import two_moons

__all__ = ["DataLoader", "TensorDataset", "digits", "two_moons"]
