"""What every explorer does: makes itself again, speaks, leaves a picture; and its twins agree."""

from __future__ import annotations

import inspect
import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anywidget", reason="anywidget is not installed; widgets need it")

from nncourse import language, widgets
from nncourse.data.regions import region
from nncourse.widgets import (
    activations,
    approximation,
    depth,
    descent,
    dropping,
    explorer,
    memory_cells,
    minima,
    momentum,
    normalizing,
    race,
    regions,
    softmax,
    swap,
    unrolled,
)

HERE = Path(__file__).parent
NODE = shutil.which("node")

# A name of the widget, and settings that differ from the defaults and must survive a copy.
EXPLORERS = {
    "SoftmaxExplorer": {"scores": [1.0, 2.0], "names": ["a", "b"], "temperature": 2.0},
    "DescentExplorer": {"problem": "plane", "batch": 3, "noise": 0.4, "steps": 30},
    "RegionBuilder": {"target": "frame", "planes": [[1, 2, 0.5, "A"]], "combine": "minus"},
    "ApproximationExplorer": {"curve": "hill", "units": 9, "activation": "relu"},
    "OptimizerRace": {"surface": "saddle", "noise": 0.5, "hidden": ["SGD"], "steps": 20},
    "MomentumPlane": {"step": 2.0, "momentum": 0.5, "kappa": 50.0, "nesterov": True},
    "MinimaExplorer": {"width": 0.2, "rate": 0.1, "noise": 1.5, "seed": 3},
    "NeuronSwap": {"order": "312", "flip": True, "way": 0.25},
    "ActivationExplorer": {"activation": "elu", "z": -1.0, "alpha": 0.5, "depth": 3},
    "DropoutExplorer": {"p": 0.25, "kind": "plain", "bent": True, "mask": 9},
    "BatchNormExplorer": {"shift": -1.0, "spread": 2.0, "gamma": 0.5, "mode": "prediction"},
    "DepthExplorer": {"activation": "relu", "init": "orthogonal", "scale": 1.5, "depth": 4},
    "UnrolledRNN": {
        "activation": "relu",
        "radius": 1.4,
        "length": 9,
        "horizon": 5,
        "clipped": True,
        "limit": 0.5,
        "chosen": 7,
        "shown": 8,
        "seed": 3,
    },
    "MemoryCell": {"kind": "lstm", "f": "open", "peepholes": "io", "forget": 2.0, "step": 9},
}


@pytest.mark.parametrize("name", EXPLORERS)
def test_an_explorer_and_its_copy_look_alike(name):
    widget = getattr(widgets, name)(**EXPLORERS[name])
    copy = eval(repr(widget), vars(widgets) | {name: getattr(widgets, name)})
    assert copy.describe() == widget.describe()
    assert copy.png() == widget.png()
    for setting, value in EXPLORERS[name].items():
        assert getattr(copy, setting) == value


@pytest.mark.parametrize("name", EXPLORERS)
def test_an_explorer_asks_in_both_languages_and_leaves_a_picture(name):
    said = {}
    for lang in language.LANGUAGES:
        with language.using(lang):
            widget = getattr(widgets, name)()
            data, metadata = widget._repr_mimebundle_()
            assert widget.heading.endswith("?")
            assert data["image/png"]
            said[lang] = widget.heading, metadata["image/png"]["alt"]
    assert said["ru"] != said["en"]
    assert any("а" <= letter <= "я" for letter in said["ru"][1])
    assert not any("а" <= letter <= "я" for letter in said["en"][1])


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_front_end_and_its_words_fit(name):
    """Every strings.x of a script is a key of texts, and every key of texts is used somewhere."""
    cls = getattr(widgets, name)
    script = str(cls()._esm)
    used = set(re.findall(r"\bstrings\.(\w+)", script))
    if "= player(model, " in script:
        used |= {"play", "pause"}
    assert used <= set(cls.texts)
    code = inspect.getsource(inspect.getmodule(cls))
    families = re.findall(r"`(\w+_)\$\{", script)
    for key in set(cls.texts) - used:
        in_python = code.count(f'"{key}"') >= 2
        assert in_python or any(key.startswith(family) for family in families), key


def test_random_numbers_are_spread_evenly_and_normally():
    stream = explorer.uniforms(7)
    drawn = np.array([next(stream) for _ in range(4000)])
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert abs(np.histogram(drawn, 10, (0, 1))[0] - 400).max() < 80
    stream = explorer.normals(7)
    bell = np.array([next(stream) for _ in range(4000)])
    assert abs(bell.mean()) < 0.05
    assert abs(bell.std() - 1) < 0.05
    assert abs((abs(bell) < 1).mean() - 0.683) < 0.03
    assert next(explorer.uniforms(1)) != next(explorer.uniforms(2))


# The twins


def streams() -> list[dict]:
    return [
        {"seed": seed, "uniforms": list(itertools.islice(explorer.uniforms(seed), 50)),
         "normals": list(itertools.islice(explorer.normals(seed), 50))}
        for seed in (0, 1, 2**31, 12345)
    ]  # fmt: skip


def softmaxes() -> list[dict]:
    rng = np.random.default_rng(0)
    cases = []
    for k in range(2, 6):
        for temperature in (0.1, 1.0, 7.0):
            widget = softmax.SoftmaxExplorer(
                (10 * rng.normal(size=k)).tolist(), target=k - 1, temperature=temperature
            )
            cases.append({
                "scores": widget.scores, "target": widget.target, "temperature": temperature,
                "p": widget.probabilities.tolist(), "loss": widget.loss,
                "gradient": widget.gradient.tolist(),
            })  # fmt: skip
    return cases


def descents() -> list[dict]:
    objects = descent.make_objects()
    cases = []
    for problem, batch, order, rate in itertools.product(
        descent.LIMITS, (1, 5, 24), ("random", "stored"), (0.05, 0.8, 3.9)
    ):
        settings = {"rate": rate, "batch": batch, "order": order, "smoothing": 0.2,
                    "noise": 0.7 * (batch == 5), "start": descent.STARTS[problem], "seed": 4,
                    "total": 25}  # fmt: skip
        path = descent.descend(problem, objects, **settings)
        cases.append({"problem": problem, "objects": objects, "settings": settings,
                      "path": vars(path)})  # fmt: skip
    return cases


def regions_of_widgets() -> list[dict]:
    cases = []
    for name in regions.OUTLINES:
        planes, combine = regions.solve(region(name))
        for target, shown, how in ((name, planes, combine), ("hexagon", planes, "or"),
                                   ("frame", regions.START, "minus")):  # fmt: skip
            widget = regions.RegionBuilder(target, shown, combine=how)
            cases.append({"planes": shown, "combine": how, "agreement": widget.agreement,
                          "target": widget.targets[target]["grid"]})  # fmt: skip
    return cases


def approximations() -> list[dict]:
    cases = []
    for curve in (*approximation.CURVES, lambda x: np.cos(9 * x)):
        for units, activation in itertools.product((1, 5, 64), ("sigmoid", "relu")):
            widget = approximation.ApproximationExplorer(
                curve, units=units, activation=activation, steepness=7.0
            )
            cases.append({"curve": widget.curve, "samples": widget.samples, "units": units,
                          "activation": activation, "steepness": 7.0,
                          "error": widget.error})  # fmt: skip
    return cases


def races() -> list[dict]:
    cases = []
    for surface, noise in itertools.product(race.SURFACES, (0.0, 0.7)):
        settings = {"noise": noise, "start": list(race.SURFACES[surface].start), "seed": 5,
                    "total": 40}  # fmt: skip
        for rule, lr in race.RATES.items():
            path = race.run(lambda p, r=rule, a=lr: race.make_optimizer(r, p, 2 * a, 0.8), surface,
                            **settings)  # fmt: skip
            shown = {**settings, "rates": race.RATES, "scale": 2, "momentum": 0.8}
            cases.append(
                {"rule": rule, "surface": surface, "path": path.tolist(), "settings": shown}
            )
    return cases


def momenta() -> list[dict]:
    return [
        {"step": step, "momentum": mu, "kappa": kappa, "nesterov": nesterov,
         "rate": momentum.rate(step, mu, kappa, nesterov),
         "errors": momentum.errors(step, mu, 1 / kappa, nesterov, 15).tolist()}
        for step in (0.3, 1.7, 3.5) for mu in (0.0, 0.4, 0.95) for kappa in (1.5, 90.0)
        for nesterov in (False, True)
    ]  # fmt: skip


def minima_found() -> list[dict]:
    return [
        {"settings": settings | {"steps": 12}, "balls": minima.roll(**settings, steps=12).tolist()}
        for settings in ({"width": 0.1, "rate": 0.02, "noise": 0.0, "seed": 0},
                         {"width": 0.3, "rate": 0.2, "noise": 1.0, "seed": 9})
    ]  # fmt: skip


def swaps() -> list[dict]:
    return [
        {"order": order, "flip": flip, "way": way,
         "loss": swap.loss(swap.between(order, flip, way))}
        for order in swap.ORDERS for flip in (False, True) for way in (0, 0.3, 1)
    ]  # fmt: skip


def activation_values() -> list[dict]:
    z = np.linspace(-6, 6, 49)
    cases = []
    for name in activations.NAMES:
        value, slope = activations.value_and_slope(name, z, 0.3)
        cases.append({"name": name, "z": z.tolist(), "alpha": 0.3, "value": value.tolist(),
                      "slope": slope.tolist()})  # fmt: skip
    return cases


def depths() -> list[dict]:
    cases = []
    for activation, init in itertools.product(
        ("tanh", "relu", "sigmoid"), (*depth.DEVIATIONS, "orthogonal")
    ):
        settings = {"activation": activation, "init": init, "scale": 1.2, "depth": 3, "seed": 2}
        forward, backward = depth.passes(**settings)
        cases.append({"settings": settings, "activations": forward[-1].ravel().tolist(),
                      "gradients": backward[0].ravel().tolist()})  # fmt: skip
    return cases


def droppings() -> list[dict]:
    return [
        {"p": p, "kind": kind, "bent": bent, "prediction": dropping.prediction(p, kind, bent),
         "outputs": dropping.outputs(p, kind, bent).tolist(),
         "chances": dropping.chances(p).tolist(),
         "mean": dropping.DropoutExplorer(p, kind=kind, bent=bent).mean}
        for p in (0.0, 0.3, 0.9) for kind in ("plain", "inverted") for bent in (False, True)
    ]  # fmt: skip


def normalizings() -> list[dict]:
    cases = []
    for mode, gamma in itertools.product(("training", "prediction"), (-0.5, 2.0)):
        settings = {"shift": 1.3, "spread": 3.0, "gamma": gamma, "beta": -1.0, "mode": mode}
        values = normalizing.normalise(**settings)
        cases.append({"settings": settings, "values": {k: v.tolist() for k, v in values.items()}})
    return cases


def memories() -> list[dict]:
    cases = []
    for kind, gates in memory_cells.GATES.items():
        forces = [{}, *({gate: how} for gate in gates for how in ("open", "closed"))]
        peeping = ("", "i", "fo", "ifo") if kind == "lstm" else ("",)
        for forced, peepholes, forget in itertools.product(forces, peeping, (-1.0, 3.0)):
            settings = {"kind": kind, "forced": forced, "peepholes": peepholes, "forget": forget,
                        "write": 5}  # fmt: skip
            found = vars(memory_cells.run(memory_cells.Settings(**settings)))
            shown = {name: None if found[name] is None else found[name].tolist()
                     for name in ("kept", "written", "h", "dh", "direct", "c", "dc")}  # fmt: skip
            shown["gates"] = {name: values.tolist() for name, values in found["gates"].items()}
            cases.append({"settings": settings, "found": shown})
    return cases


def unrolled_networks() -> list[dict]:
    cases = []
    for activation, radius, horizon in itertools.product(unrolled.UNIT, (0.6, 1.3), (1, 4, 24)):
        settings = {"activation": activation, "radius": radius, "length": 7, "seed": 1}
        found = unrolled.passes(**settings, horizon=horizon)
        cases.append({
            "settings": {**settings, "horizon": horizon},
            "passes": {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in found.items()},
            "measured": [unrolled.measured(**settings, k=k) for k in (1, 4, 7)],
        })  # fmt: skip
    return cases


TWINS = {
    "streams": streams,
    "softmax": softmaxes,
    "descents": descents,
    "regions": regions_of_widgets,
    "approximations": approximations,
    "races": races,
    "momenta": momenta,
    "minima": minima_found,
    "swaps": swaps,
    "activations": activation_values,
    "depths": depths,
    "droppings": droppings,
    "normalizings": normalizings,
    "memories": memories,
    "unrolled": unrolled_networks,
}


@pytest.mark.skipif(NODE is None, reason="node is not installed; it runs the widgets' JS")
def test_twins(tmp_path):
    fixtures = {name: make() for name, make in TWINS.items()}
    (tmp_path / "fixtures.json").write_text(json.dumps(fixtures), encoding="utf-8")
    found = subprocess.run(
        [str(NODE), "--test", str(HERE / "explorers.test.js")],
        env={"FIXTURES": str(tmp_path / "fixtures.json"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]
    assert f"pass {len(TWINS)}" in found.stdout, found.stdout[-2000:]  # all of them ran
