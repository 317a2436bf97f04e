"""The published page of the kill matrix: current, and as good as promised."""

from __future__ import annotations

import random
import re
import zlib
from pathlib import Path

import pytest

from nncourse.check import judged
from nncourse.check.judged import BORDERLINE, RIGHT, WRONG, at_most
from nncourse.check.matrix import answers_of, pieces_of
from nncourse.check.operators import changes
from nncourse.check.unseen import OBSERVATION, OUTSIDE, SURVIVED, Told, told_of, unseen
from nncourse.course import kill_page
from nncourse.course.answers import answers
from nncourse.course.files import Course
from nncourse.exercises.piece import sets

COURSE = Course(Path(__file__).parents[2])
PAGE = kill_page.FOLDER / kill_page.PAGE
AGAIN = "run python -m nncourse.course.kill_page"

ALLOWED = 0.05
"""The share of unseen mistakes that may get a wrong reason."""


@pytest.fixture(scope="module")
def text():
    return PAGE.read_text(encoding="utf-8")


def test_the_page_shows_every_answer_and_no_fault(text):
    for exercise in sets():
        for name, piece in pieces_of(exercise).items():
            part = text.partition(f"<summary>{exercise}.{name}</summary>")[2].partition(
                "</details>"
            )
            for _kind, answer, _function in answers_of(piece):
                assert f"| {answer} |".replace("||", "") in part[0], (exercise, name, answer, AGAIN)
            assert part[0].count("\n| ") == 1 + len(list(answers_of(piece))), (name, AGAIN)
    assert "✗" not in text.partition("## Every answer")[2]


def test_the_page_promises_what_it_must(text):
    shares = re.findall(
        r"^- (?:right answers|mistakes caught|caught with).*\((\d+)%\)$", text, re.M
    )
    assert shares == ["100"] * 3
    figures = next(line for line in text.splitlines() if line.startswith("| all |"))
    _all, changed, _right, _inside, outside, survived, numbers, *_rest = figures.strip("| ").split(
        " | "
    )
    assert int(changed) > 4000
    assert int(outside) > int(numbers) > 2000
    assert survived == "0"


def test_the_picture_lies_beside_the_page(text):
    from xml.etree import ElementTree

    assert "](kill-matrix.svg)" in text
    root = ElementTree.parse(kill_page.FOLDER / "kill-matrix.svg").getroot()
    squares = sum(len(list(answers_of(p))) for e in sets() for p in pieces_of(e).values())
    assert len(list(root.iter("{http://www.w3.org/2000/svg}g"))) == squares, AGAIN


def test_what_readers_judged_allows_few_wrong_reasons():
    judgements = judged.read()
    named = [j for j in judgements.values() if j.told.sort != OBSERVATION]
    seen = [j for j in judgements.values() if j.told.sort == OBSERVATION]
    assert len(named) >= 100
    assert len(seen) >= judged.SAMPLE
    for group in (named, seen):
        wrong = [judgement for judgement in group if judgement.verdict == WRONG]
        assert at_most(len(wrong), len(group)) <= ALLOWED
        assert all(judgement.why for judgement in wrong)


def test_the_second_reader_judged_what_nobody_had():
    first, second = judged.read(), judged.read(judged.SECOND)
    assert not first.keys() & second.keys()
    assert {j.told.sort for j in second.values()} == {OBSERVATION}
    draws = [j.draw for j in second.values()]
    assert (draws.count("1"), draws.count("2")) == (300, 100)
    last = [j for j in second.values() if j.draw == max(draws)]
    assert at_most(sum(j.verdict == WRONG for j in last), len(last)) <= ALLOWED
    for judgement in second.values():
        assert judgement.verdict in (RIGHT, BORDERLINE, WRONG)
        assert bool(judgement.why) == (judgement.verdict != RIGHT)


def test_the_page_keeps_what_the_second_reader_found(text):
    """Nothing that was mended since may take a wrong sentence out of the count."""
    second = judged.read(judged.SECOND).values()
    for draw in {j.draw for j in second}:
        group = [j for j in second if j.draw == draw]
        wrong = sum(j.verdict == WRONG for j in group)
        part = text.partition(f"Draw {draw}: {len(group)} observations.")[2]
        line = next(line for line in part.splitlines() if line.startswith("| all |"))
        cells = line.strip("| ").split(" | ")
        assert cells[1:4] == [
            str(len(group)),
            f"{wrong} ({100 * wrong / len(group):.1f}%)",
            f"{100 * at_most(wrong, len(group)):.1f}%",
        ]


def test_at_most_is_the_limit_of_clopper_and_pearson():
    # Tables of the exact binomial limits: 1 - 0.05 ** (1 / n) for none, and two more.
    assert at_most(0, 100) == pytest.approx(1 - 0.05**0.01)
    assert at_most(15, 300) == pytest.approx(0.07595, abs=1e-5)
    assert at_most(1, 2) == pytest.approx(0.97468, abs=1e-5)
    assert at_most(3, 3) == 1


def test_observations_are_drawn_in_proportion_and_never_twice():
    told = [
        Told(f"ps0{exercise}.piece", OBSERVATION, f"change {i}", "dW", "text")
        for exercise, count in ((1, 70), (2, 20), (3, 10))
        for i in range(count)
    ]
    reasons = [Told("ps01.piece", "reason", f"change {i}", "dW", "text") for i in range(50)]
    one = judged.draw([*told, *told, *reasons], (), 21, seed=1)
    assert one == judged.draw([*reasons, *reversed(told)], (), 21, seed=1)
    assert one != judged.draw(told, (), 21, seed=2)
    assert len(set(one)) == 21
    counts = [sum(t.piece.startswith(f"ps0{k}") for t in one) for k in (1, 2, 3)]
    assert counts == [15, 4, 2]  # 14.7, 4.2, 2.1
    rest = judged.draw(told, set(one), 1000, seed=1)
    assert set(rest) == set(told) - set(one)
    assert judged.draw([], (), 5, seed=1) == []


def refuse_faults(rows):
    survivors = [
        f"{row.exercise}.{row.piece} {row.change.key}" for row in rows if row.kind == SURVIVED
    ]
    assert not survivors, "\n".join(survivors)
    mistakes = [row for row in rows if row.kind == OUTSIDE and row.numbers]
    judgements = judged.read()

    def wrong(row):
        told = [judgements[one] for one in told_of(row) if one in judgements]
        return bool(row.refuted) or any(judgement.verdict == WRONG for judgement in told)

    bad = [row for row in mistakes if wrong(row)]
    assert len(bad) <= ALLOWED * len(mistakes), [row.change.key for row in bad]
    return mistakes


@pytest.mark.parametrize("exercise", [name for name in sets() if name != "ps04"])
def test_some_changes_of_each_set(exercise, monkeypatch):
    """A few of the changes of every piece: none passes, and few get a wrong reason."""
    draw = random.Random(zlib.crc32(exercise.encode()))

    def few(*arguments):
        every = changes(*arguments)
        return draw.sample(every, min(6, len(every)))

    monkeypatch.setattr("nncourse.check.unseen.changes", few)
    assert refuse_faults(kill_page.sweep(COURSE, [exercise]))


@pytest.mark.slow
@pytest.mark.parametrize("exercise", sets())
def test_all_changes_of_each_set(exercise, text):
    rows = kill_page.sweep(COURSE, [exercise])
    mistakes = refuse_faults(rows)
    line = next(line for line in text.splitlines() if line.startswith(f"| {exercise} |"))
    counts = line.strip("| ").split(" | ")[1:]
    assert int(counts[0]) == len(rows), AGAIN
    assert int(counts[5]) == pytest.approx(len(mistakes), rel=0.03), AGAIN


def test_solutions_are_found_with_what_stands_before_them():
    found = {answer.piece: answer for answer in answers(COURSE, "ps10")}
    assert set(found) == set(pieces_of("ps10"))
    answer = found["rnn_backward"]
    assert "rnn_step_backward" in answer.space
    assert answer.name not in answer.space
    lines = answer.source.splitlines()
    assert lines[answer.lines[0] - 2].strip() == "### BEGIN SOLUTION"
    assert lines[answer.lines[-1]].strip() == "### END SOLUTION"


def test_what_was_trained_is_there():
    (answer,) = [a for a in answers(COURSE, "ps02") if a.piece == "training"]
    rows = list(
        unseen(
            "ps02",
            pieces_of("ps02")["training"],
            answer.name,
            answer.source,
            answer.lines,
            answer.space,
        )
    )
    assert {row.kind for row in rows} >= {OUTSIDE}
