"""The loader, where PyTorch programs look for it."""

from nncourse.data.collate import default_collate
from nncourse.data.loader import DataLoader

__all__ = ["DataLoader", "default_collate"]
