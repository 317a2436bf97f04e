"""Why the answers are wrong: the piece's own mutants first, then the rules.

A mutant, run on the same inputs, that gives exactly the student's numbers names the mistake; it
may do so for the whole answer or for single outputs. What no mutant explains goes to the rules of
``nncourse.diagnosis``, at every point that fails; they must tell one story.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from nncourse.check.library import (
    Library,
    library_of,
    reproduces,
    reproduces_all,
    same_answer,
    tells,
)
from nncourse.check.report import Diagnosis
from nncourse.check.trial import Trial, telling
from nncourse.diagnosis import (
    RULES,
    Context,
    Finding,
    diagnose,
    diagnose_distribution,
    diagnose_labels,
    diagnose_table,
    same,
)
from nncourse.diagnosis.measure import Array
from nncourse.diagnosis.normalising import missing_path
from nncourse.diagnosis.sequence import late_steps
from nncourse.exercises import Mutant, Output, Piece
from nncourse.exercises.piece import Title
from nncourse.language import catalogue, mark

_ = catalogue("check")


def find_reasons(piece: Piece, trials: Sequence[Trial], mutants: bool) -> tuple[Diagnosis, ...]:
    """What is known about the wrong outputs, in the order in which they should be put right.

    An output that is computed from wrong ones (``Output.after``) waits until they are right. The
    answer is not called any more: one that is called only where it is wrong would know that it is.
    """
    wrong = [
        output
        for output in piece.outputs
        if any(not t.verdicts[output.name].passed for t in trials if t.problem is None)
    ]
    names = tuple(output.name for output in wrong)
    state = _keeps_state(names, trials)
    if state is not None:
        return (Diagnosis(names, state),)
    library = library_of(piece, trials) if mutants else []
    alike = [mutant for mutant, others in library if reproduces_all(piece, trials, others)]
    if alike:
        outputs = names or tuple(output.name for output in piece.outputs)
        return (Diagnosis(outputs, _hint_of(alike[0]), alike[0].name),)
    found: dict[str, Diagnosis] = {}
    for output in wrong:
        if any(name in names for name in output.after):
            continue
        diagnosis = _by_mutant(piece, output, names, trials, library)
        diagnosis = diagnosis or _by_rule(piece, output, trials)
        if diagnosis is None:
            continue
        key = diagnosis.finding.message
        before = found.get(key)
        found[key] = (
            replace(before, outputs=(*before.outputs, output.name)) if before else diagnosis
        )
    return tuple(found.values())


def _hint_of(mutant: Mutant) -> Finding:
    return Finding(mutant.code or mutant.name, mutant.hint)


UNLIKE = ("shape", "nan", "zero")
"""Observations of numbers that are no variation of the right ones: no reason fits beside them."""

VALUE_RULES = tuple(rule for rule in RULES if rule not in (missing_path, late_steps))
"""Paths through a mean and those back through time are a gradient's: values have no such rules."""


def _by_mutant(
    piece: Piece,
    output: Output,
    wrong: Sequence[str],
    trials: Sequence[Trial],
    library: Library,
) -> Diagnosis | None:
    """The mutant that tells why this output is wrong, if no other explains as many outputs."""
    if output.by in ("table", "at least"):
        return None  # so few different answers that many mistakes share one
    counts: list[tuple[int, Mutant]] = []
    fitting: set[str] = set()
    for mutant, others in library:
        if reproduces(output.name, trials, others):
            explained = sum(reproduces(name, trials, others) for name in wrong)
            counts.append((explained, mutant))
        if tells(piece, output, trials, others):
            fitting.add(mutant.name)
    if not counts:
        return None
    most = max(count for count, _mutant in counts)
    best = [mutant for count, mutant in counts if count == most]
    if len({mutant.hint for mutant in best}) > 1 or best[0].name not in fitting:
        return None
    return Diagnosis((output.name,), _hint_of(best[0]), best[0].name)


def _keeps_state(wrong: Sequence[str], trials: Sequence[Trial]) -> Finding | None:
    """One point came twice; different answers mean that something is kept between calls."""
    twice = [(a, b) for a, b in pairwise(trials) if a.point is b.point]
    if not twice:
        return None
    ((first, again),) = twice
    for name in wrong:
        a, b = first.answers.get(name), again.answers.get(name)
        if same_answer(name, first, again):
            continue
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and same(b, 2 * a):
            text = mark(
                "The second call with the same inputs gives twice the numbers of the first: "
                "gradients are added to what an earlier call left. Start from zeros in each call."
            )
            return Finding("M12", text)
        text = mark(
            "Called twice with the same inputs, the function gives different answers: it keeps "
            "something between calls, changes a global variable, or draws random numbers."
        )
        return Finding("state", text)
    return None


def _by_rule(piece: Piece, output: Output, trials: Sequence[Trial]) -> Diagnosis | None:
    """What the rules find at the points that fail: one reason, or else one observation.

    An observation is made on the numbers that are shown. One that might be an accident of these
    inputs counts only if all inputs bear it out.
    """
    failed = telling(piece, output.name, trials)
    findings = [_found(piece, output, trial) for trial in failed]
    said = [finding for finding in findings if finding is not None]
    reasons = [finding for finding in said if finding.is_reason]
    stories = {finding.code for finding in said if finding.is_reason or finding.code in UNLIKE}
    if reasons and len(stories) > 1:
        # Two stories about one mistake: neither is sure.
        return None
    chosen = reasons[0] if reasons else findings[0]
    if chosen is not None and (
        (chosen.code == "where" and _by_accident(output, failed, findings))
        or ("k" in chosen.evidence and _another_factor(chosen, output, failed, findings))
    ):
        chosen = None
    chosen = chosen or _by_case(piece, output, trials)
    return Diagnosis((output.name,), chosen) if chosen else None


def _by_accident(
    output: Output, trials: Sequence[Trial], findings: Sequence[Finding | None]
) -> bool:
    """Whether the wrong places in a mere row of numbers may be others for other inputs.

    In a table the rule itself has ruled that out; places on a named axis mean something.
    """
    if output.axes or trials[0].right[output.name].ndim > 1:
        return False
    alone = len({id(trial.point) for trial in trials}) == 1
    return alone or len({finding and finding.message for finding in findings}) > 1


def _another_factor(
    chosen: Finding, output: Output, trials: Sequence[Trial], findings: Sequence[Finding | None]
) -> bool:
    """Whether a constant by which every number is multiplied is not that at all points."""
    name = chosen.evidence.get("name")
    if name is None:
        return False
    names = [
        str(finding.evidence.get("names", finding.evidence.get("name"))) if finding else ""
        for trial, finding in zip(trials, findings, strict=True)
        if isinstance(trial.answers.get(output.name), np.ndarray)
    ]
    return any(name not in others.split(", ") for others in names)


def _found(piece: Piece, output: Output, trial: Trial) -> Finding | None:
    a, n = trial.answers.get(output.name), trial.right[output.name]
    if not isinstance(a, np.ndarray):
        return None
    found = _of_one(piece, output, trial, a, n)
    if found is not None and found.is_reason:
        return found
    return _another_output(output, a, n, trial) or found


def _of_one(piece: Piece, output: Output, trial: Trial, a: Array, n: Array) -> Finding | None:
    """What the rules say of one output at one point."""
    contexts = piece.context(trial.point) if piece.context else {}
    context = contexts.get(output.name, Context())
    if output.by == "at least" or (output.by == "value" and not np.any(n)):
        return None  # nothing that the rules could compare with
    if output.by == "table":
        return diagnose_table(a, n, context.instead) if a.shape == n.shape else None
    if output.by == "distribution":
        size, law = trial.sizes.get(output.name), trial.laws.get(output.name)
        if size is None or law is None:
            return None
        return diagnose_distribution(a, law, size, context.constants)
    if output.by == "labels":
        if trial.verdicts[output.name].problem is not None:
            return None
        return diagnose_labels(a.astype(int), n, int(n.max()) + 1)
    context = replace(context, axes=output.axes, blocks=output.blocks)
    return diagnose(a, n, context, RULES if output.by == "gradient" else VALUE_RULES)


def _by_case(piece: Piece, output: Output, trials: Sequence[Trial]) -> Finding | None:
    """Right in all kinds of inputs but one: that alone is worth saying.

    What several kinds have in common may be anything.
    """
    right = {t.point.case for t in trials if t.verdicts[output.name].passed}
    wrong = {t.point.case for t in trials if not t.verdicts[output.name].passed}
    named = {case for case in piece.case_names if case in wrong}
    if not right or right & wrong or named != wrong or len(wrong) != 1:
        return None
    text = mark("Wrong only here: {case}. Right for all other inputs.")
    return Finding("case", text, {"case": _Case(piece, *wrong)})


@dataclass(frozen=True)
class _Case:
    """The description of a case, put into words when it is shown."""

    piece: Piece
    case: str

    def __format__(self, spec: str) -> str:
        return _(self.piece.case_names[self.case])


def _another_output(output: Output, a: Array, n: Array, trial: Trial) -> Finding | None:
    """The array is that of another output, which may be right itself or stand elsewhere."""
    if output.by not in ("gradient", "value"):
        return None  # so few numbers that two of them are easily the same
    for name, other in trial.right.items():
        if name == output.name or not same(a, other) or same(n, other):
            continue
        if trial.verdicts[name].passed:
            text = mark("These are the numbers of {other}; other numbers belong here.")
        else:
            text = mark("This array is {other}: are the results returned in another order?")
        return Finding("order", text, {"other": Title(name)})
    return None
