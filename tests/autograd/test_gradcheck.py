"""What gradcheck says of right, wrong and unjudgeable gradients, and how it says it."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse import language
from nncourse.autograd.function import Function, binary, unary
from nncourse.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from nncourse.autograd.gradcheck_numeric import complex_slopes, ridders_slopes
from nncourse.ops import arithmetic, elementwise, linalg
from tests.autograd.mutations import mutated


@pytest.fixture
def random():
    return np.random.default_rng(0)


def leaf(values, dtype="float64"):
    return nnc.tensor(np.asarray(values, dtype), requires_grad=True)


def report_of(function, *inputs, **options):
    return gradcheck(function, inputs, raise_exception=False, **options)


def statuses(report):
    return [v.status for v in report.verdicts]


def spoil(monkeypatch, node, change):
    """Let the backward of a function return ``change(shares)``."""
    right = node.backward
    monkeypatch.setattr(node, "backward", lambda self, dout: change(right(self, dout)))


# Right gradients


def test_true_for_a_right_gradient_and_a_report_on_request(random):
    x, W = leaf(random.standard_normal((3, 4))), leaf(random.standard_normal((4, 2)))
    assert gradcheck(lambda x, W: (x @ W).tanh(), (x, W)) is True
    assert gradcheck(nnc.tanh, x) is True
    report = gradcheck(lambda x, W: x @ W, (x, W), raise_exception=False)
    assert report
    assert [v.name for v in report.verdicts] == ["x", "W"]


def test_nothing_of_the_caller_is_changed(random):
    values = random.standard_normal((3, 3))
    x, weight = leaf(values), leaf(values)
    gradcheck(lambda x: x @ weight, x)
    assert x.grad is None
    assert weight.grad is None
    np.testing.assert_array_equal(x.data, values)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_limit_follows_the_type(dtype, random):
    x = leaf(random.standard_normal((4, 3)), dtype)
    report = report_of(lambda x: (x * x).exp().mean(0), x)
    assert report
    assert report.verdicts[0].limit == {"float32": 1e-4, "float64": 1e-6}[dtype]


@pytest.mark.parametrize("shape", [(), (1,), (0,), (0, 3), (2, 0)])
def test_0_d_and_empty_inputs(shape, random):
    x = leaf(random.standard_normal(shape))
    report = report_of(lambda x: (x * 2).sin(), x)
    assert report
    assert statuses(report) == ["right" if x.numel() else "empty"]


def test_non_contiguous_inputs(random):
    x = nnc.Tensor(random.standard_normal((6, 8)).T[::2], requires_grad=True)
    assert gradcheck(lambda x: x.exp() @ x.T, x)


def test_several_results_and_other_arguments(random):
    x = leaf(random.standard_normal((3, 4)))
    labels = nnc.tensor([0, 2, 1])
    assert gradcheck(lambda x: (x.exp(), x.max(1).values, x.argmax()), x)
    assert gradcheck(nnc.nn.functional.cross_entropy, (x, labels))


def test_big_inputs_are_checked_along_random_directions(random):
    x, W = leaf(random.standard_normal((200, 50))), leaf(random.standard_normal((50, 10)))
    report = report_of(lambda x, W: (x @ W).relu(), x, W)
    assert report
    assert all(v.directions for v in report.verdicts)
    assert (
        report_of(nnc.sin, leaf(random.standard_normal(30)), fast_mode=True).verdicts[0].directions
    )


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (nnc.relu, np.zeros((3, 4))),
        (nnc.abs, np.zeros(3)),
        (lambda x: x.amax(), np.ones((2, 3))),
        (lambda x: x.max(1).values, np.ones((2, 3))),
        (lambda x: x.clamp(0.0, 1.0), np.array([0.0, 1.0, 0.5])),
        (lambda x: nnc.maximum(x, -x), np.zeros(3)),
    ],
)
def test_kinks_and_ties_are_left_by_drawing_another_point(function, values):
    assert gradcheck(function, leaf(values))


def test_a_kink_within_the_step_is_not_a_wrong_gradient():
    near = np.array([1e-6, -3e-6, 9e-6, 1e-7, 2.0])
    assert gradcheck(nnc.relu, leaf(near))


def test_functions_that_end_near_the_point():
    assert gradcheck(nnc.log, leaf([1e-6, 1e-3, 1.0, 1e4]))
    assert gradcheck(nnc.sqrt, leaf([1e-7, 1.0]))


def test_saturated_and_cancelling_gradients_pass():
    assert gradcheck(nnc.tanh, leaf([9.0, -8.0, 0.1]))
    assert gradcheck(lambda x: (x * 1e-3 + 1e9).sum(), leaf(np.ones(3)))
    report = report_of(nnc.tanh, leaf([8.0, -8.5]))  # too small for differences
    assert report


# Wrong gradients


def test_a_wrong_gradient_raises_with_input_index_numbers_and_reason(random, monkeypatch):
    spoil(monkeypatch, linalg.MatMul, lambda g: (g[0], 2 * g[1]))
    x, W = leaf(random.standard_normal((5, 4))), leaf(random.standard_normal((4, 2)))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x, W: x @ W, (x, W))
    report = caught.value.report
    assert statuses(report) == ["right", "wrong"]
    wrong = report.verdicts[1]
    assert wrong.finding.code == "M03"
    assert wrong.error == pytest.approx(1 / 3, rel=1e-6)
    np.testing.assert_allclose(wrong.analytic, 2 * wrong.numeric, rtol=1e-6)
    i, j = wrong.worst
    text = str(caught.value)
    assert f"[{i}, {j}]: yours {wrong.analytic[i, j]:.5g}" in text
    assert "confirmed by the complex step" in text
    assert "twice the right one" in text
    assert "# " in text or " #" in text


def test_one_wrong_element_among_many_is_found(random, monkeypatch):
    def change(shares):
        first = shares[0].copy()
        first[120, 7] *= 1.5
        return first, shares[1]

    spoil(monkeypatch, linalg.MatMul, change)
    x, W = leaf(random.standard_normal((200, 50))), leaf(random.standard_normal((50, 10)))
    report = report_of(lambda x, W: x @ W, x, W)
    assert statuses(report) == ["wrong", "right"]
    assert report.verdicts[0].worst == (120, 7)
    assert "compared at" in str(report)


def test_a_big_input_has_a_reason_too(random, monkeypatch):
    spoil(monkeypatch, linalg.MatMul, lambda g: (-g[0], g[1]))
    x, W = leaf(random.standard_normal((200, 50))), leaf(random.standard_normal((50, 10)))
    assert report_of(lambda x, W: x @ W, x, W).verdicts[0].finding.code == "M04"


def test_swapped_gradients_are_recognised(random, monkeypatch):
    spoil(monkeypatch, linalg.MatMul, lambda g: g[::-1])
    a, b = leaf(random.standard_normal((3, 3))), leaf(random.standard_normal((3, 3)))
    report = report_of(lambda a, b: a @ b, a, b)
    assert [v.finding.code for v in report.verdicts] == ["swapped", "swapped"]
    assert "another input, b" in str(report)


class Squash(Function):
    """tanh, whose backward forgets the derivative, as students do."""

    __slots__ = ()

    def forward(self, x):
        return np.tanh(x)

    def backward(self, dout):
        return (dout,)


class Mask(Function):
    """relu, whose backward forgets the mask."""

    __slots__ = ()

    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, dout):
        return (dout,)


def test_the_reason_of_a_missing_derivative(random):
    report = report_of(lambda z: unary(Squash, z), leaf(random.standard_normal((3, 4))))
    assert report.verdicts[0].finding.code == "M15"
    report = report_of(lambda z: unary(Mask, z), leaf(random.standard_normal((3, 4))))
    assert report.verdicts[0].finding.code == "M21"


def test_special_points_do_not_hide_mistakes(monkeypatch):
    # d(x^3) = 3 x^3 is right at 1 and at -1 only.
    right = arithmetic.PowerOfNumber.backward
    monkeypatch.setattr(
        arithmetic.PowerOfNumber, "backward", lambda self, d: (right(self, d)[0] * self.saved[0],)
    )
    assert statuses(report_of(lambda x: x**3, leaf(np.ones((2, 3))))) == ["wrong"]


def test_half_the_gradient_passes_at_no_kink():
    class Half(Function):
        __slots__ = ()

        def forward(self, x):
            return np.maximum(x, 0)

        def backward(self, dout):
            return (dout * 0.5,)

    # At 0 the central difference of relu is 1/2.
    assert statuses(report_of(lambda x: unary(Half, x), leaf(np.zeros(4)))) == ["wrong"]


def test_a_gradient_that_is_lost_or_not_a_number(random, monkeypatch):
    x = leaf(random.standard_normal((2, 3)))
    assert statuses(report_of(lambda x: x.detach() * 2, x)) == ["wrong"]
    assert statuses(report_of(lambda x: x + x.detach() * x.detach(), x)) == ["wrong"]
    with mutated(elementwise.Tanh, "zero"):
        assert statuses(report_of(nnc.tanh, x)) == ["wrong"]
    spoil(monkeypatch, elementwise.Tanh, lambda g: (g[0] * np.nan,))
    report = report_of(nnc.tanh, x)
    assert statuses(report) == ["wrong"]
    assert "NaN" in str(report)


def test_a_small_mistake_in_float64_is_seen_and_rtol_and_atol_widen(random, monkeypatch):
    spoil(
        monkeypatch,
        elementwise.Sin,
        lambda g: (g[0] * (1 + 1e-5),),
    )
    x = leaf(random.standard_normal((3, 4)))
    assert statuses(report_of(nnc.sin, x)) == ["wrong"]
    assert report_of(nnc.sin, x, rtol=1e-4)
    assert report_of(nnc.sin, x, atol=1e-3)


# Where nothing can be shown


def test_a_vacuous_point_is_no_pass(random):
    x = leaf(random.standard_normal((3, 4)))
    report = report_of(lambda x: nnc.softmax(x, 1).sum(), x)
    assert not report
    assert statuses(report) == ["zero"]
    assert "anything agrees with 0" in str(report)
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: x * 0, x)
    assert gradcheck(lambda x: x * 0, x, allow_zero=True)


def test_a_point_where_the_slope_is_0_is_left():
    assert gradcheck(nnc.relu, leaf([-1.0, -2.0]))
    assert gradcheck(lambda x: x * x, leaf(np.zeros(3)))


def test_allow_zero_does_not_pass_a_gradient_that_is_not_0(monkeypatch):
    spoil(monkeypatch, elementwise.Tanh, lambda g: (g[0] + 1,))
    report = report_of(lambda x: x.tanh() * 0, leaf([0.1, 0.2]), allow_zero=True)
    assert statuses(report) == ["wrong"]


def test_jumps_everywhere_are_no_pass():
    class Noise(Function):
        """Changes by leaps from number to number."""

        __slots__ = ()

        def forward(self, x):
            return x + 1e-3 * np.sin(1e9 * x)

        def backward(self, dout):
            return (dout,)

    assert not report_of(lambda x: unary(Noise, x), leaf([0.3, 0.7, 1.1]))


def test_randomness_is_reported(random):
    report = report_of(lambda x: x * nnc.randn(3), leaf(np.ones(3)))
    assert [p.code for p in report.problems] == ["M47"]
    assert not report


def test_lower_precision_is_reported():
    report = report_of(lambda x: x.to(nnc.float32) * 2, leaf(np.ones(3)))
    assert [p.code for p in report.problems] == ["precision"]


def test_a_function_that_changes_its_input_is_reported():
    def program(x):
        y = x * 2
        x.data[...] += 1
        return y

    assert [p.code for p in report_of(program, leaf(np.ones(3))).problems] == ["changes"]


def test_a_backward_that_changes_what_it_was_given_is_reported(random):
    class Greedy(Function):
        __slots__ = ()

        def forward(self, x):
            return x * 2

        def backward(self, dout):
            dout *= 2
            return (dout,)

    report = report_of(lambda x: unary(Greedy, x), leaf(random.standard_normal(3)))
    assert not report
    assert [p.code for p in report.problems] == ["changes"]


def test_a_backward_that_trusts_the_order_in_memory_is_reported(random):
    class Flattened(Function):
        __slots__ = ("kept",)

        def forward(self, x, y):
            self.kept = x, y
            return x * y

        def backward(self, dout):
            x, y = (a.ravel("K").reshape(a.shape) for a in self.kept)
            return dout * y, dout * x

    a, b = leaf(random.standard_normal((2, 3))), leaf(random.standard_normal((2, 3)))
    report = report_of(binary(Flattened), a, b)
    assert [p.code for p in report.problems] == ["layout"]


def test_results_that_are_no_numbers():
    assert not report_of(lambda x: x.log(), leaf([-1.0, -2.0, 0.0]))
    assert [p.code for p in report_of(lambda x: x > 0, leaf([1.0])).problems] == ["no result"]


def test_inputs_without_gradients_are_an_error():
    with pytest.raises(ValueError, match="nothing to check"):
        gradcheck(nnc.tanh, nnc.zeros(3))


def test_errors_of_the_function_come_through():
    with pytest.raises(ZeroDivisionError):
        gradcheck(lambda x: x / (1 // 0), leaf([1.0]))


# Second opinions


def test_complex_step_is_exact_where_the_function_is_analytic():
    x = np.array([0.3, 1.2])
    found = complex_slopes(lambda xs: np.exp(xs[0]) * np.sin(xs[0]), [x], 0, [0, 1], np.ones(2))
    np.testing.assert_allclose(found, np.exp(x) * (np.sin(x) + np.cos(x)), rtol=1e-15)
    assert complex_slopes(lambda xs: np.abs(xs[0]), [x], 0, [0], np.ones(2)) is None
    assert complex_slopes(lambda xs: xs[0].astype(float), [x], 0, [0], np.ones(2)) is None


def test_ridders_extrapolation_knows_its_error():
    x = np.array([0.3, 1.2])
    found = ridders_slopes(lambda xs: np.exp(xs[0]) * np.sin(xs[0]), [x], 0, [0, 1], np.ones(2))
    exact = np.exp(x) * (np.sin(x) + np.cos(x))
    assert np.all(np.abs(found.values - exact) <= 10 * found.doubt + 1e-14)
    assert found.uncertainty < 1e-10


def test_where_the_complex_step_is_blind_ridders_speaks(random, monkeypatch):
    spoil(monkeypatch, elementwise.Abs, lambda g: (g[0] * 1.1,))
    report = report_of(nnc.abs, leaf(random.standard_normal(4)))
    assert "Ridders" in str(report)


# Second gradients


def test_second_gradients(random):
    x, W = leaf(random.standard_normal((3, 4))), leaf(random.standard_normal((4, 2)))
    assert gradgradcheck(lambda x, W: (x @ W).tanh(), (x, W)) is True
    assert gradgradcheck(lambda x: x + 1, x) is True
    dout = nnc.tensor(random.standard_normal((3, 4)))
    assert gradgradcheck(lambda x: x * x, x, dout) is True


def test_a_lost_second_gradient_is_found(random, monkeypatch):
    def detached(shares):
        return tuple([g.detach() if isinstance(g, nnc.Tensor) else g for g in shares])

    spoil(monkeypatch, elementwise.Tanh, detached)
    x = leaf(random.standard_normal((3, 4)))
    assert gradcheck(nnc.tanh, x)
    report = gradgradcheck(nnc.tanh, x, raise_exception=False)
    assert not report
    assert "wrong" in statuses(report)


def test_two_routes_that_differ_are_found(random, monkeypatch):
    def recorded_twice(shares):
        return tuple([g * 2 if isinstance(g, nnc.Tensor) else g for g in shares])

    spoil(monkeypatch, elementwise.Tanh, recorded_twice)
    x = leaf(random.standard_normal((3, 4)))
    assert gradcheck(nnc.tanh, x)
    report = gradgradcheck(nnc.tanh, x, raise_exception=False)
    assert [p.code for p in report.problems] == ["graph"]


def test_a_constant_has_no_second_gradient_to_show():
    with pytest.raises(GradcheckError):
        gradgradcheck(lambda x: x * 0, leaf([1.0, 2.0]))


# The report


@pytest.fixture
def wrong_report(random, monkeypatch):
    spoil(monkeypatch, linalg.MatMul, lambda g: (g[0], -g[1]))
    x, W = leaf(random.standard_normal((5, 4))), leaf(random.standard_normal((4, 2)))
    return report_of(lambda x, W: x @ W, x, W)


def test_the_report_in_html(wrong_report):
    html = wrong_report._repr_html_()
    assert "<script" not in html
    assert "opposite sign" in html
    assert 'aria-label="Where W is wrong"' in html
    assert html.count("<td title=") == 8  # each element with both numbers
    assert "&lt;lambda&gt;" in html


def test_the_report_in_russian(wrong_report):
    with language.using("ru"):
        text, html = str(wrong_report), wrong_report._repr_html_()
    assert "Градиенты <lambda>: неверно" in text
    assert "численный градиент подтверждён комплексным шагом" in text
    assert "Почему (W)" in text
    assert "неверно" in html
    for report in (text, html):
        assert "numerical" not in report


def test_every_verdict_has_words_in_both_languages(random):
    x = leaf(random.standard_normal((3, 4)))
    reports = [
        report_of(nnc.tanh, x),
        report_of(lambda x: x * 0, x),
        report_of(nnc.tanh, leaf(np.zeros((0, 3)))),
        report_of(lambda x: x.log(), leaf([-1.0, -2.0])),
        report_of(lambda x: x * 2, leaf(random.standard_normal(300))),
    ]
    for name in language.LANGUAGES:
        with language.using(name):
            assert len({str(report) for report in reports}) == len(reports)
            assert all(report._repr_html_() for report in reports)
