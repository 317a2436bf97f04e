"""Where a NaN was made: the operation, and the line of the program."""

import inspect
import subprocess
import sys
import textwrap
import warnings

import pytest

import nncourse as nnc
from nncourse.autograd.anomaly import _kinds
from nncourse.autograd.function import Function
from nncourse.autograd.places import Place, here


@pytest.fixture(autouse=True)
def _quiet():
    """NumPy warns of what is looked for here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def leaf(*values):
    return nnc.tensor(list(values), requires_grad=True)


def line_of(function, text):
    """file:line of the line with the text in a function of this file."""
    lines, start = inspect.getsourcelines(function)
    return f"test_anomaly.py:{start + [text in line for line in lines].index(True)}"


def zero_in_a_logarithm(x):
    h = x * 2
    h = h.log()  # made here
    return h.sum()


def root_of_zero(x):
    h = x - 1
    h = h.sqrt()  # forward of the culprit
    return (h * 3).sum()


def test_the_forward_that_made_it():
    place = line_of(zero_in_a_logarithm, "made here")
    with (
        pytest.raises(RuntimeError, match=rf"Log made an infinity.*at {place}"),
        nnc.autograd.detect_anomaly(),
    ):
        zero_in_a_logarithm(leaf(1.0, 0.0))
    with (
        pytest.raises(RuntimeError, match=rf"Log made a NaN, at {place}"),
        nnc.autograd.detect_anomaly(),
    ):
        zero_in_a_logarithm(nnc.tensor([1.0, -1.0]))


def test_the_backward_that_made_it():
    place = line_of(root_of_zero, "forward of the culprit")
    with nnc.autograd.detect_anomaly():
        y = root_of_zero(leaf(1.0, 2.0))
        with pytest.raises(
            RuntimeError, match=rf"backward of Sqrt made an infinity.*computed at {place}"
        ):
            y.backward()


def test_the_backward_that_made_it_when_recorded():
    with nnc.autograd.detect_anomaly():
        x = leaf(1.0, 2.0)
        y = root_of_zero(x)
        with pytest.raises(RuntimeError, match="backward of Sqrt made an infinity"):
            nnc.grad(y, x, create_graph=True)


def test_a_forward_outside_has_no_line():
    y = root_of_zero(leaf(1.0, 2.0))
    with (
        nnc.autograd.detect_anomaly(),
        pytest.raises(RuntimeError, match=r"Sqrt made.*put it inside"),
    ):
        y.backward()


def test_a_hidden_branch_of_where():
    # The known trap: the branch that is not taken has an infinite slope, times 0.
    x = leaf(0.0, 4.0)
    with nnc.autograd.detect_anomaly():
        y = nnc.where(x > 0, x.sqrt(), 0.0).sum()
        with pytest.raises(RuntimeError, match="backward of Sqrt made a NaN"):
            y.backward()


def test_what_came_with_the_data():
    inf, nan = float("inf"), float("nan")
    with nnc.autograd.detect_anomaly():
        masked = leaf(1.0, 2.0) + nnc.tensor([0.0, -inf])
        masked.softmax(0).sum().backward()
        with pytest.raises(RuntimeError, match="Subtract made a NaN out of inputs that hold inf"):
            masked - masked
        with pytest.raises(RuntimeError, match=r"Multiply was given a NaN.*came with the data"):
            leaf(1.0) * nnc.tensor([nan])
        nnc.cat([leaf(1.0), nnc.tensor([inf])])
        (nnc.arange(3) * 2).sum()


def test_nothing_is_left_behind():
    def versions():
        return [(k, vars(k).get("forward"), vars(k).get("backward")) for k in _kinds(Function)]

    before = versions()
    with nnc.autograd.detect_anomaly():
        assert versions() != before
        with nnc.autograd.detect_anomaly():
            pass
        assert versions() != before
    assert versions() == before
    assert nnc.tensor([0.0]).log().item() == -float("inf")


def test_as_a_decorator():
    @nnc.autograd.detect_anomaly()
    def run():
        """Runs."""
        return zero_in_a_logarithm(leaf(0.0))

    assert run.__doc__ == "Runs."
    for _ in range(2):
        with pytest.raises(RuntimeError, match="Log made"):
            run()
    assert zero_in_a_logarithm(leaf(0.0)).item() == -float("inf")


def test_ordinary_training_is_not_disturbed():
    model = nnc.nn.Sequential(nnc.nn.Linear(4, 8), nnc.nn.Tanh(), nnc.nn.Linear(8, 3))
    x, y = nnc.randn(5, 4), nnc.tensor([0, 1, 2, 0, 1])
    nnc.nn.functional.cross_entropy(model(x), y).backward()
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    with nnc.autograd.detect_anomaly():
        nnc.nn.functional.cross_entropy(model(x), y).backward()
    for p, g in zip(model.parameters(), expected, strict=True):
        assert nnc.equal(p.grad, g)


def test_messages_name_the_line_where_it_is_known():
    with nnc.autograd.detect_anomaly():
        x = leaf(2.0)
        y = x.exp()
    y += 1
    with pytest.raises(
        RuntimeError,
        match=r"result of Exp \(made at test_anomaly\.py:\d+\).*since, at test_anomaly\.py:\d+\.",
    ):
        y.backward()


def test_places_of_files_cells_and_strings():
    assert str(here()).startswith("test_anomaly.py:")
    code = compile("\n\nx = 1", "<string>", "exec")
    assert str(Place(code, len(code.co_code) - 2)) == "<string>:3"
    seen = []
    exec("seen.append(here())", {"__name__": "nncourse.made_up", "seen": seen, "here": here})
    assert str(seen[0]).startswith("test_anomaly.py:")  # the library's own frames are passed over


def test_the_cell_of_a_notebook_is_named():
    pytest.importorskip("IPython", reason="IPython is not installed; there are no cells")
    program = """
        import warnings; warnings.simplefilter("ignore")
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        def run(cell):
            shell.run_cell(cell, store_history=True)
        run("import nncourse as nnc\\nx = nnc.tensor([1.0, 0.0], requires_grad=True)")
        run("def f(x):\\n    return x.log()")
        run('''with nnc.autograd.detect_anomaly():
            try:
                f(x)
            except RuntimeError as error:
                print(error)
        y = x.exp()
        y += 1
        ''')
        run('''try:
            y.sum().backward()
        except RuntimeError as error:
            print(error)
        ''')
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    assert "Log made an infinity (inf) out of finite numbers, at In [2], line 2" in done.stdout
    assert "changed in place since, at In [3], line 7." in done.stdout
