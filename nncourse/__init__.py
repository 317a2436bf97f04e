"""nncourse: a neural-network course in Jupyter, and the NumPy library it is built on.

    import nncourse as nnc

gives tensors and their functions under PyTorch's names; ``nnc.nn``, ``nnc.optim``, ``nnc.data``
and ``nnc.training`` come with it. Plots, widgets and checks are imported where they are used.
"""

from math import e, inf, nan, pi

from numpy import dtype, finfo, iinfo

from nncourse import autograd, backends, cuda, data, language, nn, ops, optim, training, utils
from nncourse.autograd import (
    Tensor,
    enable_grad,
    grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from nncourse.autograd.printing import set_printoptions
from nncourse.backends import compile
from nncourse.devices import device, get_default_device, set_default_device
from nncourse.dtypes import bool_ as bool
from nncourse.dtypes import (
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
)
from nncourse.dtypes import float16 as half
from nncourse.dtypes import float32 as float
from nncourse.dtypes import float64 as double
from nncourse.dtypes import int16 as short
from nncourse.dtypes import int32 as int
from nncourse.dtypes import int64 as long
from nncourse.ops import *  # noqa: F403
from nncourse.random import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    set_rng_state,
)
from nncourse.serialization import load, save

__version__ = "0.1.0"

__all__ = [
    "Generator",
    "Tensor",
    "autograd",
    "backends",
    "bool",
    "compile",
    "cuda",
    "data",
    "default_generator",
    "device",
    "double",
    "dtype",
    "e",
    "enable_grad",
    "finfo",
    "float",
    "float16",
    "float32",
    "float64",
    "get_default_device",
    "get_default_dtype",
    "get_rng_state",
    "grad",
    "half",
    "iinfo",
    "inf",
    "inference_mode",
    "initial_seed",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "is_grad_enabled",
    "language",
    "load",
    "long",
    "manual_seed",
    "nan",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "pi",
    "promote_types",
    "save",
    "set_default_device",
    "set_default_dtype",
    "set_grad_enabled",
    "set_printoptions",
    "set_rng_state",
    "short",
    "training",
    "uint8",
    "utils",
    *ops.__all__,
]
