"""Data sets and batches: what loads data, what generates it, and readers for files of one's own."""

from nncourse.data.collate import default_collate, default_convert
from nncourse.data.curves import CURVES, curve
from nncourse.data.dataset import (
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)
from nncourse.data.digits import digits
from nncourse.data.errors import DataError
from nncourse.data.fetch import fetch
from nncourse.data.idx import read_idx, read_mnist
from nncourse.data.images import read_images
from nncourse.data.loader import DataLoader, get_worker_info
from nncourse.data.logic import truth_table
from nncourse.data.memory import BRACKETS, adding, brackets, copying, parity
from nncourse.data.names import names
from nncourse.data.numerals import (
    date_in_words,
    numeral,
    ordinal,
    russian_dates,
    russian_numerals,
)
from nncourse.data.pictures import bars, digits_1d
from nncourse.data.poems import poem
from nncourse.data.regions import HalfPlane, Region, polygon, region, region_points
from nncourse.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from nncourse.data.series import (
    airline_passengers,
    ar_series,
    seasonal_series,
    sine_series,
    windows,
)
from nncourse.data.split import MinMax, Standardize, train_valid_test_split
from nncourse.data.table import read_csv
from nncourse.data.text import Vocabulary, next_characters, read_text
from nncourse.data.toy import blobs, circles, spirals, two_moons, xor_clouds

__all__ = [
    "BRACKETS",
    "CURVES",
    "BatchSampler",
    "ConcatDataset",
    "DataError",
    "DataLoader",
    "Dataset",
    "HalfPlane",
    "IterableDataset",
    "MinMax",
    "RandomSampler",
    "Region",
    "Sampler",
    "SequentialSampler",
    "Standardize",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "Vocabulary",
    "WeightedRandomSampler",
    "adding",
    "airline_passengers",
    "ar_series",
    "bars",
    "blobs",
    "brackets",
    "circles",
    "copying",
    "curve",
    "date_in_words",
    "default_collate",
    "default_convert",
    "digits",
    "digits_1d",
    "fetch",
    "get_worker_info",
    "names",
    "next_characters",
    "numeral",
    "ordinal",
    "parity",
    "poem",
    "polygon",
    "random_split",
    "read_csv",
    "read_idx",
    "read_images",
    "read_mnist",
    "read_text",
    "region",
    "region_points",
    "russian_dates",
    "russian_numerals",
    "seasonal_series",
    "sine_series",
    "spirals",
    "train_valid_test_split",
    "truth_table",
    "two_moons",
    "windows",
    "xor_clouds",
]
