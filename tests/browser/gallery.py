"""Every widget in a state that is worth looking at, and what can be measured of its looks.

test_gallery.py opens them in JupyterLab in both languages and themes, wide and narrow, measures,
and keeps the pictures for a person to look at.
"""

from __future__ import annotations

from pathlib import Path

from nncourse import widgets

# Code that makes a widget and ends in it.
WIDGETS = {
    "NeuronPlane": "w = widgets.NeuronPlane('clouds', weights=(0.5, 0.25, -0.5)); w",
    "GateBuilder": "widgets.GateBuilder('XOR', layer=True)",
    "GateBuilder-and": "widgets.GateBuilder('AND', weights=(1.5, 1, 1))",
    "RegionBuilder": "widgets.RegionBuilder('hexagon')",
    "RegionBuilder-frame": (
        "w = widgets.RegionBuilder('frame'); w.planes = w.targets['frame']['planes']\n"
        "w.combine = w.targets['frame']['combine']; w"
    ),
    "ApproximationExplorer": "widgets.ApproximationExplorer('hill', units=12)",
    "ActivationExplorer": "widgets.ActivationExplorer('elu', z=-1.0, alpha=0.5, compare=True)",
    "SoftmaxExplorer": "widgets.SoftmaxExplorer((2, 1, -1), names=['7', '1', '4'], target=1)",
    "SoftmaxExplorer-naive": "widgets.SoftmaxExplorer((2, 1, -1), shift=900.0, naive=True)",
    "DescentExplorer": "widgets.DescentExplorer('line', batch=4, steps=30)",
    "DescentExplorer-plane": "widgets.DescentExplorer('plane', batch=4, rate=0.2, steps=40)",
    "OptimizerRace": "widgets.OptimizerRace('rosenbrock', steps=120)",
    "MomentumPlane": "widgets.MomentumPlane(step=1.6, momentum=0.3, kappa=20.0)",
    "MinimaExplorer": "widgets.MinimaExplorer(rate=0.05, noise=1.0)",
    "NeuronSwap": "widgets.NeuronSwap('213')",
    "GraphStepper": "widgets.GraphStepper('x**2 + x*y + (x+y)**2', x=2, y=3, step=12)",
    "GraphStepper-predict": "widgets.GraphStepper('max(x, y) * (x + z)', predict=True, step=3)",
    "BackpropNet": "w = widgets.BackpropNet(step=20); w.descend(); w.descend(); w.step = 20; w",
    "NumericalGradient": "widgets.NumericalGradient('tanh', x=0.7, h=1e-9)",
    "NumericalGradient-kink": "widgets.NumericalGradient('relu', x=1e-3, h=1e-2, zoom=True)",
    "DepthExplorer": "widgets.DepthExplorer('tanh', init='small')",
    "DepthExplorer-relu": "widgets.DepthExplorer('relu', init='he', depth=12)",
    "DropoutExplorer": "widgets.DropoutExplorer(p=0.5)",
    "DropoutExplorer-bent": "widgets.DropoutExplorer(p=0.3, kind='plain', bent=True)",
    "BatchNormExplorer": "widgets.BatchNormExplorer(shift=1.5, gamma=2.0, beta=-1.0)",
    "NumericalGradient-own": (
        "import numpy as np; widgets.NumericalGradient('mine', x=0.5, own={'mine': "
        "(lambda x: x * np.sin(x), lambda x: np.cos(x)), 'bad': lambda x: x.sum()})"
    ),
    "DescentExplorer-own": (
        "widgets.DescentExplorer('mine', rate=0.02, own={'mine': "
        "lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, 'bad': lambda w: w.foo()})"
    ),
    "DepthExplorer-own": (
        "widgets.DepthExplorer('sine', init='mine', own={'sine': lambda z: z.sin()}, "
        "own_init={'mine': lambda n, m, rng: rng.normal(0, m**-0.5, (n, m))})"
    ),
    "MemoryCell-own": "widgets.MemoryCell(cell=lambda x, h, c, *rest: (0.9 * h + 0.01, c + h))",
    "Playground": "w = widgets.Playground('spirals', layers=[8, 6]); w.train(400); w",
    "Playground-blobs": "w = widgets.Playground('blobs', layers=[4]); w.train(60); w",
}

for _name in widgets.__all__:
    if not any(key.split("-")[0] == _name for key in WIDGETS):
        WIDGETS[_name] = f"widgets.{_name}()"

FAULTS = Path(__file__).with_name("faults.js").read_text(encoding="utf-8")
