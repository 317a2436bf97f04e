"""What a report says: verdicts, text, HTML, points, hints; in both languages."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from html import escape
from html.parser import HTMLParser

import numpy as np
import pytest

from nncourse import language
from nncourse.check import Report
from nncourse.check.judge import judge
from nncourse.exercises import find
from nncourse.exercises.ps05 import PIECES

LINEAR = PIECES["linear_backward"]
NAMES = [f"ps05.{name}" for name in PIECES]


def check(name, *answers, **options):
    """check() that accepts references and mutants, which call the library."""
    return judge(find(name), answers, name=name, **options)


def mutant(piece, name):
    return next(m.function for m in PIECES[piece].mutants if m.name == name)


def right(dout, x, W, b):
    return dout @ W, dout.T @ x, dout.sum(axis=0)


def only(*outputs):
    """linear_backward that is right in these outputs only."""

    def function(dout, x, W, b):
        answers = dict(zip(("dx", "dW", "db"), right(dout, x, W, b), strict=True))
        return tuple(v if name in outputs else v * np.pi + 1 for name, v in answers.items())

    return function


def test_right_answer():
    report = check("ps05.linear_backward", right)
    assert report.passed
    assert report.score == 1.0
    text = str(report)
    assert text.startswith("ps05.linear_backward: right, 100%")
    assert len(re.findall(r"^  d\w +right", text, re.M)) == 3
    assert "hint" not in text


def test_score_is_the_sum_of_the_parts_that_are_right():
    weights = {"dx": 0.4, "dW": 0.4, "db": 0.2}
    for names in ((), ("dx",), ("dW",), ("db",), ("dx", "db"), ("dx", "dW"), ("dW", "db")):
        report = check("ps05.linear_backward", only(*names))
        assert report.score == pytest.approx(sum(weights[name] for name in names))
        assert not report.passed
    assert check("ps05.linear_backward", only("dx", "dW", "db")).score == 1.0


def test_points_are_printed_and_are_a_plain_float(capsys):
    earned = check("ps05.linear_backward", only("dx", "db")).points(20)
    assert type(earned) is float
    assert earned == 12.0
    assert capsys.readouterr().out == str(check("ps05.linear_backward", only("dx", "db"))) + "\n"
    assert check("ps05.linear_backward", right).points(20) == 20.0
    assert check("ps05.linear_backward", right).points(7) == 7.0
    assert check("ps05.linear_backward", lambda *args: None).points(20) == 0.0


def test_text_is_the_same_in_another_process():
    program = (
        "from nncourse.check.judge import judge\n"
        "from nncourse.exercises.ps05 import PIECES\n"
        "for piece in PIECES.values():\n"
        "    for function in (piece.reference, *(m.function for m in piece.mutants)):\n"
        "        report = judge(piece, [function])\n"
        "        print(report, report._repr_html_())\n"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": str(i), "PATH": "", "PYTHONIOENCODING": "utf-8"},
        ).stdout
        for i in (1, 2)
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 10_000


def test_rounding_noise_does_not_reach_the_text():
    """The report must not differ between machines whose sums differ in the last digit."""

    def noisy(scale):
        rng = np.random.default_rng(0)

        def function(dout, x, W, b):
            dx, dW, db = right(dout, x, W, b)
            dx = dx * (1 + scale * rng.normal(size=dx.shape))
            return dx, dW / len(x), db * 0 + scale * rng.normal(size=db.shape)

        return function

    texts = {str(check("ps05.linear_backward", noisy(scale))) for scale in (0, 1e-16, 1e-15)}
    assert len(texts) == 1


def test_wrong_output_shows_both_numbers_and_a_map():
    def function(dout, x, W, b):
        dx, dW, db = right(dout, x, W, b)
        dW[1, 2] += 3
        return dx, dW, db

    report = check("ps05.linear_backward", function)
    text = str(report)
    verdict = report.verdicts[1]
    assert verdict.worst == (1, 2)
    assert f"at [1, 2]: yours {verdict.yours[1, 2]:.5g}" in text
    assert f"numerical gradient {verdict.right[1, 2]:.5g}" in text
    rows = [line.strip() for line in text.splitlines() if re.fullmatch(r" +[.#+-]( [.#+-])+", line)]
    assert len(rows) == verdict.right.shape[0]
    marks = [row.split() for row in rows]
    assert marks[1][2] == "#"
    assert sum(mark != "." for row in marks for mark in row) == 1


def test_large_arrays_get_a_small_map():
    from nncourse.diagnosis.picture import COLUMNS, ROWS, text_map

    n = np.random.default_rng(0).normal(size=(3, 50, 70))
    a = n.copy()
    a[2, 49, 69] += 1
    rows = text_map(a, n)
    assert len(rows) == ROWS
    assert len(rows[0].split()) == COLUMNS
    assert rows[-1].endswith("#")
    assert sum(row.count("#") for row in rows) == 1


def test_hints_open_step_by_step():
    report = check("ps05.linear_backward", mutant("linear_backward", "db mean"))
    seen = [str(report.hint()) for _step in range(4)]
    assert [hint.split(".")[0] for hint in seen] == [f"Hint {i} of 4" for i in (1, 2, 3, 4)]
    assert str(report.hint()) == seen[3]
    assert repr(report.hint(1)) == seen[0]
    assert str(report.hint(4)) == "\n".join(seen)
    assert "Σ" in seen[3]
    assert not any("Σ" in hint for hint in seen[:3])
    assert str(check("ps05.linear_backward", right).hint()) == "There is no hint here."
    assert "Σ" not in str(report)


SOLUTIONS = (
    "dout.T @ x",
    "dout @ W,",
    "dout.sum(axis=0)",
    "dout * (z > 0)",
    "s * (1 - s)",
    "s·(1 - s)",
    "1 - h**2",
    "1 - h²",
    "(p - onehot",
)


def test_the_solution_is_never_shown_before_the_last_hint():
    for name, piece in PIECES.items():
        for wrong in piece.mutants:
            report = check(f"ps05.{name}", wrong.function)
            hints = [text for _title, text in report.hints()[:-1]]
            html = report._repr_html_()
            for _title, formula in report.hints()[-1:]:
                html = html.replace(escape(formula), "")
            for shown in (str(report), html, *hints):
                for solution in SOLUTIONS:
                    assert solution not in shown


class _Structure(HTMLParser):
    """Collects tags and checks that they are closed in order."""

    VOID = {"br", "hr"}

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text, self.attributes = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def structure(html):
    parser = _Structure()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


def every_report():
    for name, piece in PIECES.items():
        yield check(f"ps05.{name}", piece.reference)
        for wrong in piece.mutants:
            yield check(f"ps05.{name}", wrong.function)
    yield check("ps05.linear_backward", lambda *args: None)
    yield check("ps05.linear_backward", 3)


@pytest.mark.parametrize("lang", language.LANGUAGES)
def test_html_is_well_formed_and_needs_neither_script_nor_style_sheet(lang):
    with language.using(lang):
        for report in every_report():
            found = structure(report._repr_html_())
            assert not {"script", "style", "svg", "link", "iframe"} & set(found.tags)
            assert not any(key.startswith("on") for key, _value in found.attributes)
            styles = [value for key, value in found.attributes if key == "style"]
            # A fixed text colour is legible only on a fixed background.
            assert all("background:#" in s for s in styles if re.search(r"(^|;)color:#", s))


def test_html_holds_the_hints_in_nested_details():
    report = check("ps05.linear_backward", mutant("linear_backward", "db mean"))
    html = report._repr_html_()
    assert structure(html).tags.count("details") == 4
    assert "open" not in dict(structure(html).attributes)
    assert html.count("</details></details></details></details>") == 1


def test_html_escapes_what_comes_from_the_student():
    bad = "<script>alert('&')</script>"

    class Odd(Exception):
        pass

    Odd.__name__ = bad

    def raises(dout, x, W, b):
        raise Odd(bad)

    def prints(dout, x, W, b):
        print(bad)
        return right(dout, x, W, b)

    def keys(params, x, y):
        return 0.0, {bad: 1}

    reports = [
        check("ps05.linear_backward", raises),
        check("ps05.linear_backward", prints),
        check("ps05.network_gradients", keys),
        judge(LINEAR, [right], name=bad),
        check("ps05.linear_backward", type(bad, (), {})()),
    ]
    for report in reports:
        html = report._repr_html_()
        assert "<script" not in html
        assert "script" not in structure(html).tags
    assert "&lt;script&gt;" in reports[0]._repr_html_()
    assert "&lt;script&gt;" in reports[1]._repr_html_()


@pytest.mark.parametrize("lang", language.LANGUAGES)
def test_reports_speak_the_language(lang):
    with language.using(lang):
        for report in every_report():
            text, html = str(report), report._repr_html_()
            steps = " ".join(hint for _title, hint in report.hints()[:3])
            for shown in (text, html, steps):
                cyrillic = re.search("[а-яё]", shown.lower())
                assert bool(cyrillic) == (lang == "ru" and bool(shown))
                assert "{" not in re.sub(r'\{"W1.*?\}', "", shown)


def test_language_may_change_after_the_check():
    report = check("ps05.linear_backward", mutant("linear_backward", "db mean"))
    english = str(report)
    with language.using("ru"):
        assert "db" in str(report) != english
        assert re.search("[а-я]", str(report.hint(2)))
    assert str(report) == english


@pytest.mark.parametrize("name", NAMES)
def test_a_check_takes_a_fraction_of_a_second(name):
    piece = PIECES[name.split(".")[1]]
    check(name, piece.reference)  # the training piece fits its reference once
    for function in (piece.reference, piece.mutants[0].function):
        start = time.process_time()
        str(check(name, function))
        assert time.process_time() - start < 0.5


def test_report_in_a_notebook_has_both_forms():
    formatters = pytest.importorskip(
        "IPython.core.formatters", reason="IPython is needed to format as a notebook does"
    )
    report = check("ps05.linear_backward", right)
    data, _metadata = formatters.DisplayFormatter().format(report)
    assert data["text/plain"] == str(report)
    assert data["text/html"] == report._repr_html_()
    assert isinstance(report, Report)


def test_seeds_give_other_numbers_and_the_same_verdict():
    wrong = mutant("linear_backward", "db mean")
    texts = {str(check("ps05.linear_backward", wrong, seed=seed)) for seed in (None, 0, 1, 2)}
    assert len(texts) == 4
    assert all("80%" in text for text in texts)


def test_importing_the_check_needs_numpy_only():
    program = (
        "import sys, nncourse.check\n"
        "heavy = {'matplotlib', 'IPython', 'ipywidgets', 'nbgrader', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_reports_on_tables_margins_samples_and_sequences():
    """The kinds of outputs that exercise 5 does not have: each shows what there is to see."""
    from nncourse.check.matrix import pieces_of

    def text_of(exercise, piece, name):
        wrong = next(m for m in pieces_of(exercise)[piece].mutants if m.name == name)
        report = judge(pieces_of(exercise)[piece], [wrong.function], mutants=False)
        structure(report._repr_html_())
        return str(report)

    gates = text_of("ps01", "gates", "thresholds that are reached")
    assert "3 of 4 rows right" in gates
    assert "The neuron never fires" in gates
    assert "another order" not in gates
    assert "at least 0.3 is needed" in gates
    mask = text_of("ps08", "plain_dropout", "keeps with probability p")
    assert "The value 0 occurs in" in mask
    assert re.search(r"^ +\|[ ▁▂▃▄▅▆▇█]{3}\|$", mask, re.M)
    assert "shares of the right values" in mask
    rnn = text_of("ps10", "rnn_backward", "gradient not carried on")
    assert "Right at the last time step only" in rnn
    assert re.search(r"^ +n0 t0 [-+#]", rnn, re.M)
    assert re.search(r"^ +n0 t1 \.", rnn, re.M)
    adam = text_of("ps06", "Adam", "no bias correction")
    assert "Step 1 (of 7) is the first wrong one" in adam
    assert re.search(r"^ +k0 \. \.", adam, re.M)


def test_an_observation_is_not_headed_why():
    """A mistake that no mutant and no rule names: block f of dz is all that can be said."""
    from nncourse.check.matrix import pieces_of

    piece = pieces_of("ps11")["lstm_step_backward"]

    def answer(*arguments):
        dz, *rest = piece.reference(*arguments)
        H = dz.shape[1] // 4
        dz[:, H : 2 * H] **= 3
        return dz, *rest

    report = judge(piece, [answer])
    for shown in (str(report), report._repr_html_()):
        assert "What can be seen (dz):" in shown
        assert "Why (" not in shown


def test_names_that_are_words_are_told_in_the_readers_language():
    def answer(grads, limit):
        return [None, 2 * grads[1]]

    report = check("ps10.clip_gradients", answer)
    english = str(report)
    assert "first gradient is None." in english
    with language.using("ru"):
        for text in (str(report), report._repr_html_(), report.hint(1)):
            assert "первый градиент" in text
            assert "gradient" not in text.replace("clip_gradients", "")
    assert str(report) == english


def test_what_is_told_is_told_of_the_numbers_that_are_shown():
    """The pattern of other inputs, of another shape, beside these would be nonsense."""

    def function(name, z):
        value, slope = find("ps07.activation").reference(name, z)
        return value, slope * np.where(z > 0, 2.0, 1.0) if name == "leaky_relu" else slope

    report = check("ps07.activation", function)
    (verdict,) = (v for v in report.verdicts if not v.passed)
    assert verdict.output.name == "leaky_relu'"
    # Which rows and columns have a positive number is chance.
    assert not report.diagnoses


def test_one_step_is_shown_and_explained_before_several():
    """dx is wrong at step 0 only, where the start is not used: no fault of the way back."""
    piece = find("ps11.lstm_backward")

    def function(dhs, x, h0, c0, hs, cs, gates, Wx, Wh):
        return piece.reference(dhs, x, hs[:, -1], cs[:, -1], hs, cs, gates, Wx, Wh)

    report = check("ps11.lstm_backward", function)
    dx = report.verdicts[0]
    assert not dx.passed
    assert dx.right.shape[1] == 1
    assert not any("time step" in d.finding.message for d in report.diagnoses if "dx" in d.outputs)


def test_what_several_kinds_of_inputs_have_in_common_is_not_guessed():
    """Division is wrong; that it comes up in these cases is not what is wrong."""
    source = find("ps04.Value").reference

    class Value(source):
        def __truediv__(self, other):
            return self * other**-2

    report = check("ps04.Value", Value)
    wrong = {v.case for v in report.verdicts if not v.passed}
    assert wrong
    assert not any(d.finding.code == "case" for d in report.diagnoses)


def test_a_reason_does_not_stand_beside_numbers_of_another_shape():
    """With one step the last state is all states but for an axis; with two it is not."""
    piece = find("ps10.rnn_forward")
    report = check(
        "ps10.rnn_forward", lambda *arguments: piece.reference(*arguments)[:, -1], mutants=False
    )
    assert not report.passed
    assert not any(d.is_reason for d in report.diagnoses)


def test_one_missing_sum_is_told_even_where_the_array_is_another_output():
    piece = find("ps11.lstm_step_backward")

    def function(*arguments):
        *others, _db = piece.reference(*arguments)
        return (*others, others[0])

    report = check("ps11.lstm_step_backward", function, mutants=False)
    assert [d.finding.code for d in report.diagnoses] == ["M07"]


def test_a_prediction_that_differs_from_the_training_may_be_why_it_is_chance():
    report = check("ps05.training", lambda x: np.arange(len(x)) % 10)
    (diagnosis,) = report.diagnoses
    assert diagnosis.finding.code == "chance"
    assert "another formula" in str(report)
