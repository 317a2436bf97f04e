"""What the widgets have in common that walk through the steps of a computation.

The steps are computed in Python, as graph_steps.py describes them; steps.js shows them, so walking
needs no round trip. What the reader edits comes as a request with a serial number, is computed and
goes back as new traits in one message, together with that number.
"""

from __future__ import annotations

from typing import Any

import traitlets

from nncourse.language import mark
from nncourse.widgets.base import CourseWidget


class StepWidget(CourseWidget):
    """Base of the widgets that walk through steps; a subclass writes ``request``.

    ``graph`` is the picture, ``steps`` the story, ``step`` the step on show. ``predict`` hides each
    number until the reader types it, ``score`` counts the answers. ``error`` says what was wrong
    with the last request, ``answered`` which one that was.
    """

    texts = {
        "first": mark("To the start"),
        "back": mark("One step back"),
        "next": mark("One step on"),
        "last": mark("To the end"),
        "play": mark("Play"),
        "pause": mark("Pause"),
        "position": mark("Step"),
        "count": mark("step {k} of {n}"),
        "forward": mark("forward pass"),
        "backward": mark("backward pass"),
        "start": mark("start"),
        "end": mark("end"),
        "predict": mark("Predict the number"),
        "answer": mark("Your number"),
        "check": mark("Check"),
        "reveal": mark("Show it"),
        "right": mark("Right: {value}"),
        "wrong": mark("Not yet. Hint: {hint}"),
        "shown": mark("It is {value}: {hint}"),
        "not_a_number": mark("Type a number such as 2.5 or −1/3."),
        "score": mark("{right} of {asked} right at once"),
        "graph": mark("Computation graph"),
        "keys": mark("Arrow keys step, Home and End jump."),
        "node_value": mark("{node}: value {value}"),
        "no_kernel": mark("The kernel does not answer, so formula and values stay as they are."),
        "node_both": mark("{node}: value {value}, gradient {gradient}"),
        "values": mark("Values"),
        "value_of": mark("Value of {name}"),
    }

    graph = traitlets.Dict(read_only=True).tag(sync=True)
    steps: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    predict = traitlets.Bool(False).tag(sync=True)
    score = traitlets.Dict({"right": 0, "asked": 0}).tag(sync=True)
    error = traitlets.Dict({}, read_only=True).tag(sync=True)
    answered = traitlets.Int(0, read_only=True).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._requested)

    def request(self, content: dict[str, Any]) -> None:
        """Do what a reader has asked for in the front end."""
        raise NotImplementedError

    def _requested(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        with self.lock, self.hold_sync():
            try:
                self.request(content)
            finally:
                self.set_trait("answered", int(content.get("serial", 0)))

    @traitlets.validate("step")
    def _valid_step(self, proposal: Any) -> int:
        step: int = proposal["value"]
        return max(0, min(step, len(self.steps) - 1)) if self.steps else step
