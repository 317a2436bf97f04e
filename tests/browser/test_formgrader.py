"""A lecturer's way through nbgrader's formgrader, on a course that ``nncourse grade`` has graded.

JupyterLab is started in the course folder, as a lecturer starts it.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

import pytest
from nbformat.v4 import new_code_cell

from nncourse.course.folder import CourseFolder, make_course
from nncourse.grading.feedback import write_feedback
from nncourse.grading.grade import grade_submissions
from nncourse.grading.released import release_assignment
from nncourse.grading.results import each_result
from tests.browser.conftest import Lab, serving
from tests.browser.jupyterlab import keep_picture
from tests.grading.test_plugin import CLASS, hand_in, write_partial
from tests.grading.toy import submission

pytestmark = pytest.mark.browser

HOSTILE = "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'> Since $x^2$."
COMMENT = "Almost: **why** is $x^2 > 0$?"
# nbgrader's pages load MathJax from afar; our formulas need none.
MATHJAX = "window.MathJax = {Hub: {Config() {}, Queue() {}, Startup: {signal: {Interest() {}}}}}"


MARK = "The student's own cell:"
HELPERS = ["power = [pow, print('<style>* {display: none}</style>')][0]", "TWO = 2"]


def with_helpers(cells):
    """With cells of the student's own that answers need."""
    own = [{**new_code_cell(source), "id": f"own-{n}"} for n, source in enumerate(HELPERS)]
    return own + list(cells)


@dataclass(frozen=True)
class Formgrader:
    """A running JupyterLab, and the course folder that it was started in."""

    lab: Lab
    course: CourseFolder

    def open(self, page, path):
        page.route(re.compile("mathjax", re.I), lambda route: route.fulfill(body=MATHJAX))
        page.goto(f"{self.lab.url}/login?token={self.lab.token}&next=/formgrader/{path}")
        page.wait_for_load_state("networkidle")

    def open_submission(self, page, student):
        """From the list of submissions, by a click on a student's name."""
        self.open(page, "gradebook/ps97/ps97-partial")
        page.click("text=Show All Names")
        page.click(f"tr a:text-is('{student}')")
        page.wait_for_selector("input.score")
        page.wait_for_load_state("networkidle")

    def press(self, page, student, button):
        """Press a button of a student's row; returns what the dialog says."""
        self.open(page, "manage_submissions/ps97")
        page.click(f"{row(student)} .{button} a")
        page.wait_for_selector(".modal.in .modal-body")
        return page.inner_text(".modal.in")


def row(student):
    return f"tr:has(td:text-is('{student}'))"


def answer(page):
    """The written answer, with its points and its comment."""
    return page.locator(".nbgrader_cell:has(#why)")


@pytest.fixture(scope="module")
def formgrader(tmp_path_factory):
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    root = tmp_path_factory.mktemp("formgrader")
    course = make_course(root / "course", "en", ["ps97"], write_partial(root / "repository"))
    release_assignment(course, "ps97")
    answers = {name: CLASS[name][0] for name in ("right", "half", "empty")}
    answers["hostile"] = {**CLASS["dies"][0], "why": HOSTILE}
    for name, given in answers.items():
        hand_in(course, name, submission(course, "ps97", given))
    hand_in(course, "helped", submission(course, "ps97", CLASS["helped"][0], with_helpers))
    hand_in(course, "cut off", "{")
    grade_submissions(course, "ps97")
    # By itself it would break the list of submissions, for all of them.
    (course.submitted / "cut off" / "ps97" / "timestamp.txt").write_text("soon")
    (root / "home").mkdir()
    with serving(["jupyterlab", "--allow-root"], course.root, root / "home") as lab:
        yield Formgrader(lab, course)


def test_the_list_of_submissions(formgrader, page, pictures):
    formgrader.open(page, "manage_submissions/ps97")
    page.wait_for_selector(row("right"))
    keep_picture(page, pictures, "formgrader-submissions")
    wanted = {
        "right": ("needs manual grading", "15 / 20"),
        "helped": ("needs manual grading", "15 / 20"),
        "half": ("needs manual grading", "2.5 / 20"),
        "hostile": ("needs manual grading", "0 / 20"),
        "empty": ("graded", "0 / 20"),
        "cut off": ("graded", "0 / 20"),
    }
    for student, texts in wanted.items():
        shown = page.inner_text(row(student))
        assert all(text in shown for text in texts), shown


def test_points_stand_beside_their_reason(formgrader, page, pictures):
    formgrader.open_submission(page, "half")
    keep_picture(page, pictures, "formgrader-points")
    points = page.locator("#partial")
    assert points.get_attribute("placeholder") == "2.5"
    cell = page.locator(".cell:has(#partial)")
    assert "1 of 3 are right" in cell.inner_text()
    assert page.locator("#all").get_attribute("placeholder") == "0"
    assert "AssertionError" in page.locator(".cell:has(#all)").inner_text()
    assert "return 4" in page.inner_text("body"), "the answer"


def test_what_a_student_wrote_runs_nothing_and_is_readable(formgrader, page, pictures):
    formgrader.open_submission(page, "hostile")
    keep_picture(page, pictures, "formgrader-hostile")
    assert page.evaluate("window.ran") is None
    assert "onerror" in answer(page).inner_text(), "it is shown as text"
    assert answer(page).locator("math").count() == 1
    assert "it ended its process" in page.inner_text("body"), "the remarks"


def test_cells_of_the_students_own_are_marked(formgrader, page, pictures):
    """Else they would look like the lecturer's."""
    formgrader.open_submission(page, "helped")
    keep_picture(page, pictures, "formgrader-own")
    marks = page.locator("#notebook strong", has_text=re.compile(f"^{re.escape(MARK)}$"))
    helpers = page.locator(".code_cell:not(:has(.nbgrader_cell))")
    assert marks.count() == helpers.count() == 2
    for number in range(2):
        mark, helper = marks.nth(number), helpers.nth(number)
        assert mark.is_visible()
        assert HELPERS[number] in helper.inner_text()
        end = mark.bounding_box()["y"] + mark.bounding_box()["height"]
        assert 0 < helper.bounding_box()["y"] - end < 40, "it stands right above"
        mark.hover(timeout=5000)  # fails where something lies over it
    write_feedback(formgrader.course, "ps97")
    page.emulate_media(color_scheme="dark")
    page.goto(next(formgrader.course.feedback("helped", "ps97").glob("*.html")).as_uri())
    keep_picture(page, pictures, "feedback-own")
    marks = page.locator(".soft", has_text=MARK)
    assert marks.count() == 2
    assert marks.last.is_visible()
    assert page.locator(f'.soft:text-is("{MARK}") + pre').all_inner_texts() == HELPERS


def test_a_file_that_can_not_be_graded_is_there_with_the_problem(formgrader, page):
    formgrader.open_submission(page, "cut off")
    assert "not valid JSON" in page.inner_text("#notebook")


def test_a_grade_by_hand_with_its_comment_stays_and_reaches_the_student(formgrader, page, pictures):
    course = formgrader.course
    formgrader.open_submission(page, "right")
    marks = answer(page).locator("details")
    assert "The rubric." not in marks.inner_text()
    marks.locator("summary").click()
    assert "The rubric." in marks.inner_text()
    with page.expect_response(lambda answer: "/api/comment/" in answer.url) as saved:
        answer(page).locator("textarea.comment").fill(COMMENT)
        answer(page).locator("textarea.comment").press("Tab")
    assert saved.value.ok
    with page.expect_response(lambda answer: "/api/grade/" in answer.url) as saved:
        answer(page).locator("#why").fill("3")
        answer(page).locator("#why").press("Tab")
    assert saved.value.ok
    grade_submissions(course, "ps97", force=True)
    formgrader.open_submission(page, "right")
    keep_picture(page, pictures, "formgrader-manual")
    assert answer(page).locator("#why").input_value() == "3"
    assert answer(page).locator("textarea.comment").input_value() == COMMENT
    (result,) = each_result(course, "ps97", students=["right"])
    assert (result.points, result.waiting) == (18, [])
    write_feedback(course, "ps97")  # as nncourse feedback does
    page.goto(next(course.feedback("right", "ps97").glob("*.html")).as_uri())
    keep_picture(page, pictures, "formgrader-feedback")
    assert "18 / 20" in page.inner_text(".total")
    assert "Almost: why is" in page.inner_text(".why.by-hand")
    assert page.locator(".why.by-hand math").count() == 1


def test_points_are_those_of_the_last_grading(formgrader, page):
    """Which the command has done, while the formgrader was open."""
    course = formgrader.course
    for answers, points in ((CLASS["half"][0], "2.5"), (CLASS["right"][0], "10")):
        hand_in(course, "again", submission(course, "ps97", answers))
        grade_submissions(course, "ps97")
        formgrader.open_submission(page, "again")
        assert page.locator("#partial").get_attribute("placeholder") == points


@pytest.mark.slow
def test_the_buttons_grade_and_write_feedback_as_the_commands_do(formgrader, page):
    course = formgrader.course
    hand_in(course, "cut off", submission(course, "ps97", CLASS["half"][0]))
    said = formgrader.press(page, "cut off", "autograde")
    assert "Successfully autograded" in said
    assert "Applying preprocessor: Judge" in said
    formgrader.open_submission(page, "cut off")
    assert page.locator("#partial").get_attribute("placeholder") == "2.5"
    assert "not valid JSON" not in page.inner_text("#notebook")
    assert "Successfully generated feedback" in formgrader.press(
        page, "cut off", "generate-feedback"
    )
    page.goto(next(course.feedback("cut off", "ps97").glob("*.html")).as_uri())
    assert "2.5 / 20" in page.inner_text(".total")
    assert "HIDDEN" not in page.content()
    assert "f(0) == 0" not in page.content()
