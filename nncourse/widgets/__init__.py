"""What moves: widgets for lectures, usable in any notebook.

from nncourse.widgets import GraphStepper
GraphStepper("x**2 + x*y + (x + y)**2", x=2, y=3)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nncourse.widgets.activations import ActivationExplorer
    from nncourse.widgets.approximation import ApproximationExplorer
    from nncourse.widgets.backprop_net import BackpropNet
    from nncourse.widgets.depth import DepthExplorer
    from nncourse.widgets.descent import DescentExplorer
    from nncourse.widgets.dropping import DropoutExplorer
    from nncourse.widgets.gates import GateBuilder
    from nncourse.widgets.graph_stepper import GraphStepper
    from nncourse.widgets.memory import MemoryCell
    from nncourse.widgets.minima import MinimaExplorer
    from nncourse.widgets.momentum import MomentumPlane
    from nncourse.widgets.neuron import NeuronPlane
    from nncourse.widgets.normalizing import BatchNormExplorer
    from nncourse.widgets.numerical_gradient import NumericalGradient
    from nncourse.widgets.playground import Playground
    from nncourse.widgets.race import OptimizerRace
    from nncourse.widgets.regions import RegionBuilder
    from nncourse.widgets.softmax import SoftmaxExplorer
    from nncourse.widgets.swap import NeuronSwap
    from nncourse.widgets.unrolled import UnrolledRNN

__all__ = [
    "ActivationExplorer",
    "ApproximationExplorer",
    "BackpropNet",
    "BatchNormExplorer",
    "DepthExplorer",
    "DescentExplorer",
    "DropoutExplorer",
    "GateBuilder",
    "GraphStepper",
    "MemoryCell",
    "MinimaExplorer",
    "MomentumPlane",
    "NeuronPlane",
    "NeuronSwap",
    "NumericalGradient",
    "OptimizerRace",
    "Playground",
    "RegionBuilder",
    "SoftmaxExplorer",
    "UnrolledRNN",
]

_HOMES = {
    "ActivationExplorer": "nncourse.widgets.activations",
    "ApproximationExplorer": "nncourse.widgets.approximation",
    "BackpropNet": "nncourse.widgets.backprop_net",
    "BatchNormExplorer": "nncourse.widgets.normalizing",
    "DepthExplorer": "nncourse.widgets.depth",
    "DescentExplorer": "nncourse.widgets.descent",
    "DropoutExplorer": "nncourse.widgets.dropping",
    "GateBuilder": "nncourse.widgets.gates",
    "GraphStepper": "nncourse.widgets.graph_stepper",
    "MemoryCell": "nncourse.widgets.memory",
    "MinimaExplorer": "nncourse.widgets.minima",
    "MomentumPlane": "nncourse.widgets.momentum",
    "NeuronPlane": "nncourse.widgets.neuron",
    "NeuronSwap": "nncourse.widgets.swap",
    "NumericalGradient": "nncourse.widgets.numerical_gradient",
    "OptimizerRace": "nncourse.widgets.race",
    "Playground": "nncourse.widgets.playground",
    "RegionBuilder": "nncourse.widgets.regions",
    "SoftmaxExplorer": "nncourse.widgets.softmax",
    "UnrolledRNN": "nncourse.widgets.unrolled",
}


def __getattr__(name: str) -> Any:
    # The models behind the widgets are plain Python; Jupyter is needed only for what is shown.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("nncourse"):
            raise
        raise ModuleNotFoundError(
            f"nncourse.widgets.{name} needs {error.name}: pip install 'nncourse[course]'",
            name=error.name,
        ) from error
