"""Networks: modules, layers, losses, initial values."""

from nncourse.nn import functional, init, utils
from nncourse.nn.activation import LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from nncourse.nn.attention import MultiheadAttention
from nncourse.nn.container import ModuleDict, ModuleList, Sequential
from nncourse.nn.linear import Linear
from nncourse.nn.loss import CrossEntropyLoss, MSELoss
from nncourse.nn.module import Module
from nncourse.nn.parameter import Parameter
from nncourse.nn.parameter_container import ParameterDict, ParameterList
from nncourse.nn.perceptron import Perceptron, novikoff_bound, widest_margin
from nncourse.nn.positional import LearnedEncoding, SinusoidalEncoding, sinusoidal_encoding
from nncourse.nn.shape import Flatten, Identity, Unflatten

__all__ = [
    "CrossEntropyLoss",
    "Flatten",
    "Identity",
    "LearnedEncoding",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiheadAttention",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "Perceptron",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "SinusoidalEncoding",
    "Softmax",
    "Tanh",
    "Unflatten",
    "functional",
    "init",
    "novikoff_bound",
    "sinusoidal_encoding",
    "utils",
    "widest_margin",
]
