"""gradcheck: is a backward pass right? gradgradcheck: and the backward pass of the backward pass?

The gradient that autograd computes is compared with numerical slopes in float64, under a random
gradient from above. The rules of a check that is not blind:

- the verdict is on |a - n| / (|a| + |n|) over a whole input: element by element, a right but
  saturated gradient looks wrong;
- where the function has a kink or a tie, no slope exists: the point is drawn again, the limit
  stays. Where the slope is 0, everything agrees with it: the point is drawn again too, and "0 at
  every point" is no pass;
- special points (zeros, ones) hide mistakes: besides the given point, one beside it is checked;
- before anything is called wrong, a second opinion is heard (complex step, else Ridders);
- a function that gives another result at the second call, or that changes its inputs, is reported
  as such: its slopes mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nncourse.autograd.mode import enable_grad
from nncourse.autograd.tensor import Tensor
from nncourse.language import mark

if TYPE_CHECKING:
    from nncourse.autograd.gradcheck_report import GradcheckReport

_OTHER_ROUTE = mark(
    "The gradient computed with create_graph=True differs from the one computed without."
)

# The procedure and the diagnosis are imported where a check begins: programs that train need none.


class GradcheckError(RuntimeError):
    """A gradient check that did not pass; ``.report`` holds what was found."""

    def __init__(self, report: GradcheckReport) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return str(self.report)


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-5,
    atol: float = 0.0,
    rtol: float | None = None,
    raise_exception: bool = True,
    fast_mode: bool | None = None,
    allow_zero: bool = False,
    seed: int = 0,
) -> Any:
    """Compare the gradients of ``func(*inputs)`` with numerical slopes; True if they agree.

    ``func`` returns a tensor or several; those of floating point are checked. Of ``inputs``, the
    tensors that require gradients are, in their own type; slopes are always taken in float64, at
    the same values. Neither they nor any ``.grad`` are changed.

    eps: step of the central difference, times max(1, |x|). rtol: limit of |a - n| / (|a| + |n|),
    norms over one input; by default 1e-6 for float64, 1e-4 for float32, 1e-2 for float16. atol: a
    gradient also agrees if the root mean square of a - n is below it; 0 by default, for it lets
    small gradients pass unseen. (PyTorch compares element by element, with wider limits.)
    fast_mode: compare slopes along a few random directions only; by default for inputs of more
    than 200 elements. allow_zero: let inputs pass whose derivative is 0 wherever it was taken.

    Raises GradcheckError with a report, also where nothing could be shown; with
    ``raise_exception=False`` the report is returned, and is true if the check passed.
    """
    from nncourse.autograd.gradcheck_judge import Check, Options
    from nncourse.autograd.gradcheck_program import Program

    program = Program(func, inputs)
    report = Check(program, Options(eps, atol, rtol, fast_mode, seed)).report(allow_zero)
    if raise_exception and not report:
        raise GradcheckError(report)
    return True if raise_exception else report


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-5,
    atol: float = 0.0,
    rtol: float | None = None,
    raise_exception: bool = True,
    fast_mode: bool | None = None,
    seed: int = 0,
) -> Any:
    """gradcheck of the gradient: of g(inputs, douts) = the derivatives of <douts, func(inputs)>.

    ``grad_outputs``: the gradients from above, random by default; the derivative with respect to
    them is checked as well. That of a linear function is 0 with respect to its inputs, which is
    allowed here; that g depends on nothing is not.
    """
    from nncourse.autograd.gradcheck_judge import LIMITS, Check, Options, random_upstream
    from nncourse.autograd.gradcheck_program import Program
    from nncourse.autograd.gradient import grad
    from nncourse.diagnosis import Finding, distance

    program = Program(func, inputs)
    count = len(program.arguments)

    def gradients(*given: Any, create_graph: bool = True) -> tuple[Tensor, ...]:
        with enable_grad():
            arguments = list(given[:count])
            for i in program.checked:
                if not arguments[i].requires_grad:
                    arguments[i] = arguments[i].detach().requires_grad_()
            wanted = [arguments[i] for i in program.checked]
            outputs = zip(program.outputs(arguments), given[count:])
            pairs = [(out, dout) for out, dout in outputs if out.requires_grad]
            if not pairs:
                return tuple([x * 0 for x in wanted])
            outs, over = zip(*pairs)
            found = grad(outs, wanted, over, create_graph=create_graph, allow_unused=True)
            return tuple([x * 0 if g is None else g for x, g in zip(wanted, found)])

    gradients.__name__ = f"the gradient of {program.name}"
    douts: Sequence[Tensor]
    if grad_outputs is None:
        random = np.random.default_rng([seed, 1])
        outputs = program.outputs(program.arguments)
        douts = [Tensor(random_upstream(random, out.shape).astype(out.dtype)) for out in outputs]
    else:
        douts = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
    douts = [d.detach().requires_grad_() for d in douts]
    names = [
        *program.names,
        *(["dout"] if len(douts) == 1 else [f"dout[{i}]" for i in range(len(douts))]),
    ]
    second = Program(gradients, [*program.arguments, *douts], names)
    options = Options(eps, atol, rtol, fast_mode, seed)
    report = Check(second, options).report(allow_zero=True)
    plain = gradients(*second.arguments, create_graph=False)
    for g, recorded in zip(plain, gradients(*second.arguments)):
        if distance(g._data, recorded._data) > LIMITS[str(g.dtype)]:
            report = replace(report, problems=(Finding("graph", _OTHER_ROUTE),))
    if report and not any(v.status in ("right", "empty") for v in report.verdicts):
        report = replace(report, allow_zero=False)
    if raise_exception and not report:
        raise GradcheckError(report)
    return True if raise_exception else report
