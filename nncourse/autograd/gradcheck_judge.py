"""The procedure of a gradient check: through which points it goes, and how it decides.

A verdict on an input is one of: right, wrong, or not known, for the point was a kink, the slope 0,
or the numbers too noisy. What is not known is tried again at another point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nncourse.autograd.gradcheck_numeric import Direction, NotFinite, along, central_slopes
from nncourse.autograd.gradcheck_opinion import Allowed, Question, decide
from nncourse.autograd.gradcheck_program import NOT_FINITE_AROUND, Program
from nncourse.autograd.gradcheck_report import GradcheckReport, Verdict, context_of
from nncourse.diagnosis.factor import constant_factor
from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array, distance
from nncourse.diagnosis.rules import diagnose

LIMITS = {"float16": 1e-2, "float32": 1e-4, "float64": 1e-6}
"""The largest norm-wise relative error of a right gradient, by the type of the input."""

DIRECTIONS = 12  # random ones, for inputs with too many coordinates
COORDINATES = 200  # beyond so many, random directions are taken
ATTEMPTS = 20  # points tried before a check gives up
POINTS = 2  # points at which an input must be right

_SETTLED = ("right", "wrong", "empty")


@dataclass(frozen=True)
class Options:
    """As the arguments of ``gradcheck``."""

    eps: float = 1e-5
    atol: float = 0.0
    rtol: float | None = None
    fast: bool | None = None
    seed: int = 0


def random_upstream(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Normal numbers, pushed away from 0, so that each output is heard."""
    u = random.standard_normal(shape)
    return np.asarray(u + np.copysign(0.2, u))


class Check:
    """One check: the points it goes through, and the verdicts on each input so far."""

    def __init__(self, program: Program, options: Options) -> None:
        self.program, self.options = program, options
        self.random = np.random.default_rng(options.seed)
        self.best: dict[int, Verdict] = {}  # what is known of each input

    def report(self, allow_zero: bool) -> GradcheckReport:
        """Go through the points until each input is settled, or the attempts are used up."""
        with np.errstate(all="ignore"):
            return self._report(allow_zero)

    def _report(self, allow_zero: bool) -> GradcheckReport:
        program = self.program
        problems = program.problems()
        if problems:
            return GradcheckReport(program.name, (), tuple(problems))
        for attempt in range(ATTEMPTS):
            # After the usual points, only what is still unknown is looked at.
            settled = {
                i for i, v in self.best.items() if attempt >= POINTS and v.status in _SETTLED
            }
            xs = program.point if attempt == 0 else self._drawn(attempt)
            try:
                self._judge(xs, settled)
            except NotFinite:
                continue  # outside of the domain
            except Exception:
                if attempt == 0:
                    raise
                continue
            if self._settled(attempt):
                break
        if not self.best:
            problems = [Finding("nan", NOT_FINITE_AROUND)]
        elif not any(v.status == "wrong" for v in self.best.values()):
            problems = program.layout_problems(
                [random_upstream(self.random, shape) for shape in program.shapes]
            )
        verdicts = tuple([self.best[i] for i in sorted(self.best)])
        return GradcheckReport(program.name, verdicts, tuple(problems), allow_zero)

    def _settled(self, attempt: int) -> bool:
        statuses = {v.status for v in self.best.values()}
        if "wrong" in statuses:
            return True
        return attempt + 1 >= POINTS and statuses <= {"right", "empty"}

    def _drawn(self, attempt: int) -> list[Array]:
        """Another point: first beside the given one, then farther, at last anywhere."""
        random, given = self.random, self.program.point
        sizes = [float(np.sqrt(np.mean(x * x))) if x.size else 0.0 for x in given]
        common = max(size if np.isfinite(size) else 0.0 for size in sizes) or 1.0
        points = []
        for x, size in zip(given, sizes):
            if attempt < 5:
                share = random.uniform(0.02, 0.1, x.shape) * random.choice([-1.0, 1.0], x.shape)
                moved = x + share * np.where(x == 0, size or common, np.abs(x))
            elif attempt < 8:
                moved = x * random.uniform(0.5, 1.5, x.shape)
            else:
                # Of one size in all inputs, so that each of them may be the greatest.
                moved = common * random.standard_normal(x.shape)
                moved = np.abs(moved) if attempt % 2 else moved
            points.append(np.asarray(moved))
        return points

    def _judge(self, xs: list[Array], settled: set[int]) -> None:
        """Compare at one point, and note for each input that is not settled what came out."""
        program = self.program
        xs = program.rounded(xs)
        upstreams = [random_upstream(self.random, shape) for shape in program.shapes]
        u = np.concatenate([v.reshape(-1) for v in upstreams])
        if not np.isfinite(program.evaluate(xs)).all():
            raise NotFinite
        found = program.gradients(xs, upstreams)
        for i, a in enumerate(found):
            if i in settled:
                continue
            verdict = self._verdict(xs, i, a, upstreams, u)
            # A wrong gradient stays wrong, a right one stays right until it is wrong somewhere.
            known = self.best.get(i)
            if known is None or verdict.status == "wrong" or known.status not in _SETTLED:
                self.best[i] = verdict

    def _directions(self, x: Array) -> list[Direction]:
        fast = x.size > COORDINATES if self.options.fast is None else self.options.fast
        if not fast or x.size <= DIRECTIONS:
            return list(range(x.size))
        drawn = [self.random.standard_normal(x.shape) for _ in range(DIRECTIONS)]
        return [v / np.linalg.norm(v) for v in drawn]

    def _verdict(
        self, xs: list[Array], i: int, a: Array, upstreams: list[Array], u: Array
    ) -> Verdict:
        program, x = self.program, xs[i]
        limit = self.options.rtol
        if limit is None:
            limit = LIMITS[str(program.dtypes[i])]
        base = Verdict(program.checked_names[i], a.shape, str(program.dtypes[i]), "right", limit)
        if not a.size or not u.size:
            # Nothing can be measured: the derivative is empty, or 0 by definition.
            return base.but(status="wrong" if np.any(a) else "empty", analytic=a, numeric=a * 0)
        if not np.isfinite(a).all():
            n = self._whole(xs, i, u)
            return self._wrong(base, a, n, xs, i, upstreams, "")
        directions = self._directions(x)
        fine = min(limit, 1e-6)
        slopes = central_slopes(program.evaluate, xs, i, directions, u, self.options.eps, fine)
        if slopes.kinks.any():
            return base.but(status="kink")
        claimed = np.array([along(a, v) for v in directions])
        question = Question(program.evaluate, xs, i, directions, u)
        allowed = Allowed(limit, self.options.atol)
        status, method, slopes = decide(claimed, slopes, question, allowed)
        error = distance(claimed, slopes.values)
        along_random = 0 if isinstance(directions[0], int) else len(directions)
        base = base.but(status=status, error=error, directions=along_random)
        if status != "wrong":
            return base
        n = slopes.values.reshape(a.shape) if not along_random else self._whole(xs, i, u, a)
        return self._wrong(base, a, n, xs, i, upstreams, method)

    def _whole(self, xs: list[Array], i: int, u: Array, a: Array | None = None) -> Array:
        """The numerical gradient at every coordinate, for the report.

        Of big inputs at some only, NaN elsewhere: random ones, and those where ``a`` is worst.
        """
        x = xs[i]
        n = np.full(x.size, np.nan)
        places = np.arange(x.size)
        if x.size > 10 * COORDINATES:
            places = self.random.choice(x.size, COORDINATES, replace=False)
            if a is not None and np.isfinite(a).all():
                places = np.union1d(places, self._worst_places(xs, i, u, a))
        asked = places.tolist()
        n[places] = central_slopes(
            self.program.evaluate, xs, i, asked, u, self.options.eps, 1
        ).values
        return n.reshape(x.shape)

    def _slopes(self, xs: list[Array], i: int, moves: list[Direction], u: Array) -> Array:
        """Plain central differences."""
        return central_slopes(self.program.evaluate, xs, i, moves, u, self.options.eps, 1.0).values

    def _worst_places(self, xs: list[Array], i: int, u: Array, a: Array) -> Array:
        """A few coordinates of a big input, found by halving: always the half that is more wrong.

        A half is judged by the slope in a random direction that moves it alone.
        """
        places, x = np.arange(a.size), xs[i]
        while len(places) > 2 * DIRECTIONS:
            halves = np.array_split(places, 2)
            moves = []
            for half in halves:
                v = np.zeros(x.size)
                v[half] = self.random.standard_normal(len(half))
                moves.append((v / np.linalg.norm(v)).reshape(x.shape))
            found = central_slopes(
                self.program.evaluate, xs, i, moves, u, self.options.eps, 1
            ).values
            wrong = [abs(along(a, v) - n) for v, n in zip(moves, found)]
            places = halves[int(np.argmax(wrong))]
        return places

    def _wrong(
        self,
        base: Verdict,
        a: Array,
        n: Array,
        xs: list[Array],
        i: int,
        upstreams: list[Array],
        method: str,
    ) -> Verdict:
        known = np.isfinite(n)
        if known.all():
            others = self._others(xs, i, upstreams)
            finding = diagnose(a, n, context_of(self.program, xs, i, n, upstreams, others))
        else:
            finding = diagnose(a[known], n[known], rules=(constant_factor,))
        comparable = known.all() and bool(np.isfinite(a).all())
        return base.but(
            status="wrong",
            error=distance(a, n) if comparable else base.error,
            analytic=a,
            numeric=n,
            confirmed=method,
            finding=finding,
        )

    def _others(self, xs: list[Array], i: int, upstreams: list[Array]) -> dict[str, Array]:
        """The right gradients of the other inputs of this shape: is one of them returned here?"""
        if xs[i].size > COORDINATES:
            return {}
        u = np.concatenate([v.reshape(-1) for v in upstreams])
        return {
            self.program.checked_names[k]: self._whole(xs, k, u)
            for k, x in enumerate(xs)
            if k != i and x.shape == xs[i].shape
        }
