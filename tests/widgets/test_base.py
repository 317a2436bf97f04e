"""What every widget owes its readers: both languages, keys, motion, themes, one joined file."""

from __future__ import annotations

import re
import string
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("anywidget", reason="the widgets need the extra 'course'")

import nncourse.widgets
from nncourse import language
from nncourse.widgets.base import CourseWidget, script

FOLDER = Path(nncourse.widgets.__file__).parent
WIDGETS = [getattr(nncourse.widgets, name) for name in nncourse.widgets.__all__]


def front_end(widget: type[CourseWidget]) -> str:
    return str(widget._esm)


@pytest.mark.parametrize("widget", WIDGETS)
def test_question_is_the_heading(widget):
    assert widget.question.endswith("?")
    assert widget().heading == widget.question


FORMULAS = ("f(z)", "f′(z)", "L2")  # read alike in both languages


@pytest.mark.parametrize("widget", WIDGETS)
def test_texts_are_complete_in_both_languages(widget):
    with language.using("en"):
        english = widget().strings
    with language.using("ru"):
        russian = widget().strings
    assert english.keys() == russian.keys()
    fields = string.Formatter().parse
    for key, text in english.items():
        translated = russian[key]
        told = re.search("[а-яё]", translated, re.IGNORECASE)
        assert told or translated == text in FORMULAS, f"{key}: {translated!r}"
        wanted = {name for _, name, _, _ in fields(text) if name}
        assert {name for _, name, _, _ in fields(translated) if name} == wanted


@pytest.mark.parametrize("widget", WIDGETS)
def test_front_end_asks_only_for_texts_that_exist_and_uses_them_all(widget):
    code = front_end(widget)
    used = set(re.findall(r"strings\.(\w+)", code))
    families = tuple(re.findall(r"strings\[`(\w+)\$", code))  # strings[`cause_${...}`]
    keys = set(widget().strings)
    assert used <= keys
    looked_up = "strings[" in code
    unused = {k for k in keys - used if not k.startswith(families or "\0")}
    if looked_up:
        unused = {k for k in unused if f'"{k}"' not in code and f"{k}:" not in code}
    assert not unused


@pytest.mark.parametrize("widget", WIDGETS)
def test_front_end_needs_no_network(widget):
    code = front_end(widget) + str(widget._css)
    assert not re.search(r"^import ", code, re.MULTILINE)
    addresses = set(re.findall(r"https?://[^\s\"'`)]+", code))
    assert addresses <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("widget", WIDGETS)
def test_every_control_keeps_its_keys_in_jupyterlab(widget):
    """The attribute must stand on the focusable element itself."""
    code = front_end(widget)
    controls = re.findall(r'element\(\s*"(input|select|button)",\s*\{(.*?)\}', code, re.DOTALL)
    assert controls
    for start in re.finditer(r'element\(\s*"(?:input|select|button)",', code):
        # Attributes hold functions with braces, so count brackets up to the end of the call.
        depth, k = 1, start.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(code[k], 0)
            k += 1
        assert "KEEP_KEYS" in code[start.start() : k], code[start.start() : start.start() + 80]


@pytest.mark.parametrize("widget", WIDGETS)
def test_motion_can_be_reduced_and_themes_are_known(widget):
    css = str(widget._css)
    if "animation:" in css:
        assert "prefers-reduced-motion" in css
    assert 'data-jp-theme-light="false"' in css
    colours = set(re.findall(r"var\((--jp-[\w-]+)(,?)", css))
    assert all(comma for _name, comma in colours), "a variable of JupyterLab without a fallback"


@pytest.mark.parametrize("widget", WIDGETS)
def test_no_address_in_the_text_form_and_no_pyplot(widget):
    assert "0x" not in repr(widget())
    code = (
        f"import sys, nncourse.widgets as w; w.{widget.__name__}()._repr_mimebundle_(); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
    assert found.stderr == ""


def test_script_joins_modules_into_one_scope():
    joined = script("base.js", "graph_drawing.js", "steps.js", "graph_stepper.js")
    assert joined.count("export ") == 1
    assert joined.rstrip().endswith("export default { render };")
    names = re.findall(r"^(?:const|let|function) (\w+)", joined, re.MULTILINE)
    assert len(names) == len(set(names)), "two files declare the same name"


def test_import_needs_no_jupyter():
    code = (
        "import sys, nncourse.widgets, nncourse.widgets.graph_steps, nncourse.widgets.difference; "
        "print(sorted({'anywidget', 'matplotlib', 'IPython'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_unknown_widget_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = nncourse.widgets.Nonsense


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    for name in ("nncourse.widgets.base", "nncourse.widgets.graph_stepper"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"nncourse\[course\]"):
        _ = nncourse.widgets.GraphStepper
