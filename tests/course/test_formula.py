"""TeX to MathML: what comes out is well-formed, spaced as TeX spaces it, or refused by name."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncourse.course.formula import LONGEST, FormulaError, mathml
from nncourse.course.formula.font import KEPT, math_font
from nncourse.course.formula.symbols import (
    ACCENTS,
    BIG,
    BRACES,
    ENVIRONMENTS,
    FONTS,
    FUNCTIONS,
    LETTERS,
    OPERATORS,
    SPACES,
)

# MathML Core, as far as it is used here; nothing else may come out, whatever goes in.
ELEMENTS = {"math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot"}
ELEMENTS |= {"msub", "msup", "msubsup", "munder", "mover", "munderover", "mpadded"}
ELEMENTS |= {"mtable", "mtr", "mtd"}


def tree(tex, display=False):
    return ET.fromstring(mathml(tex, display))


def shape(tex):
    """The formula as brackets: what is nested in what, without the spaces."""

    def write(node):
        if node.tag in ("mi", "mn", "mo", "mtext"):
            return node.text or ""
        parts = " ".join(write(child) for child in node if child.tag != "mspace")
        return f"({parts})" if node.tag in ("mrow", "math") else f"{node.tag}({parts})"

    return write(tree(tex)[0])


@pytest.mark.parametrize(
    ("tex", "wanted"),
    [
        ("x", "x"),
        ("2.5x", "(2.5 x)"),
        ("x_12", "(msub(x 1) 2)"),
        ("12^2", "msup(12 2)"),
        ("3.14", "3.14"),
        ("w_{ij}^2", "msubsup(w (i j) 2)"),
        ("w^2_{ij}", "msubsup(w (i j) 2)"),
        (r"\sigma_m'(z)", "(msubsup(σ m mpadded(′)) ( z ))"),
        ("f''", "msup(f mpadded(′′))"),
        ("f'^2", "msup(f (mpadded(′) 2))"),
        (r"\frac1N", "mfrac(1 N)"),
        (r"\frac{a+b}{c}", "mfrac((a + b) c)"),
        (r"\sqrt2/4", "(msqrt(2) / 4)"),
        (r"\sqrt[3]{x}", "mroot(x 3)"),
        (r"\sum_{i=1}^{n} i", "(munderover(∑ (i = 1) n) i)"),
        (r"\int_0^1", "msubsup(∫ 0 1)"),
        (r"\max_x f", "(munder(max x) f)"),
        (r"\hat{x}", "mover(x ˆ)"),
        (r"\underbrace{a}_{b}", "munder(munder(a ⏟) b)"),
        (r"\mathrm{ReLU}", "ReLU"),
        (r"\mathbb{R}^n", "msup(ℝ n)"),
        (r"\mathbf{Wx}", "(𝐖 𝐱)"),
        (r"\mathit{SE}", "𝑆𝐸"),
        (r"\text{если } x", "((если\u00a0) x)"),
        (r"\text{for $x$}", "(for\u00a0 x)"),
        (r"w := w - 1", "(w := w − 1)"),
        (r"\left(\frac ab\right)^{\top}", "msup((( mfrac(a b) )) ⊤)"),
        (r"\left[x\middle|y\right.", "([ x | y)"),
        (r"\begin{cases}0&x\\1\end{cases}", "({ mtable(mtr(mtd(0) mtd((() x))) mtr(mtd(1))))"),
        (r"\operatorname{arg\,max} x", "(arg\u2009max x)"),
        (r"\{1, 2\}", "({ 1 , 2 })"),
        ("0,5", "(0 , 5)"),
        (r"\lVert x\rVert", "(‖ x ‖)"),
    ],
)
def test_structure(tex, wanted):
    assert shape(tex) == wanted


def spaces(tex):
    """(sign, em before, em after) of each operator of the outer row."""
    row = tree(tex)[0]
    return [
        (mo.text, float(mo.get("lspace")[:-2]), float(mo.get("rspace")[:-2]))
        for mo in row
        if mo.tag == "mo"
    ]


def test_a_minus_is_a_sign_where_nothing_stands_before_it():
    assert spaces("a - b") == [("−", 0.222, 0.222)]
    assert spaces("-b") == [("−", 0, 0)]
    assert spaces("x = -b") == [("=", 0.278, 0.278), ("−", 0, 0)]
    assert spaces("(-b)")[1] == ("−", 0, 0)


def test_scripts_are_set_tight_and_a_comma_in_braces_is_part_of_a_number():
    (below,) = tree("x_{t - 1}").iter("mo")
    assert (below.get("lspace"), below.get("rspace")) == ("0em", "0em")
    (comma,) = tree("2{,}5").iter("mo")
    assert comma.get("rspace") == "0em"


def test_names_of_functions_keep_their_distance():
    def gaps(tex):
        return len(list(tree(tex).iter("mspace")))

    assert gaps(r"2\ln p") == 2
    assert gaps(r"\ln p") == 1
    assert gaps(r"\max(0, z)") == 0


def test_brackets_grow_only_when_asked_to():
    assert {mo.get("stretchy") for mo in tree("(x)").iter("mo")} == {"false"}
    assert {mo.get("stretchy") for mo in tree(r"\left(x\right)").iter("mo")} == {"true"}


def test_display_and_source_are_kept():
    math = tree(" a < b ", display=True)
    assert math.get("display") == "block"
    assert math.get("alttext") == "a < b"
    assert tree("a").get("display") == "inline"


@pytest.mark.parametrize(
    ("tex", "reason"),
    [
        (r"\foo x", r"unknown command \\foo"),
        (r"\begin{tikz}\end{tikz}", "unknown environment tikz"),
        (r"\frac{a", "expected }"),
        (r"\frac{a}", "expected something more"),
        ("a}", "} closes nothing"),
        ("x_1_2", "two subscripts"),
        (r"\left(x", r"expected something more|\\left without \\right"),
        (r"\left x \right.", "x is no bracket"),
        ("a & b", "& closes nothing"),
        (r"\text{\foo}", "a command inside of a text"),
        (r"\text{a", "a brace is not closed"),
        ("{" * 60 + "}" * 60, "levels deep"),
        ("x^{" * 1000 + "}" * 1000, "levels deep"),
        (r"\left(" * 500, "levels deep"),
        (r"\sqrt " * 60 + "x", "levels deep"),
        ("x" * (LONGEST + 1), "characters"),
        (r"\begin{aligned}a", "expected something more"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(tex, reason):
    with pytest.raises(FormulaError, match=reason):
        mathml(tex)


WORDS = [
    *(f"\\{name}" for table in (LETTERS, OPERATORS, FUNCTIONS, SPACES) for name in table),
    *(f"\\{name}{{x}}" for table in (ACCENTS, BRACES, FONTS) for name in table),
    *(f"\\{name}(" for name in BIG),
    *(f"\\begin{{{name}}}a&b\\\\c&d\\end{{{name}}}" for name in ENVIRONMENTS if name != "array"),
]


@pytest.mark.parametrize("tex", WORDS)
def test_every_word_of_the_tables_is_drawn(tex):
    elements = {node.tag for node in tree(tex).iter()}
    assert elements <= ELEMENTS
    assert re.search("<(mi|mo|mspace)[ >]", mathml(tex))


PIECES = [*WORDS[:80], *"{}[]()^_'&<>$%#~|x1 .,\"\\"]
PIECES += [
    "\\\\",
    "\\frac",
    "\\sqrt",
    "\\left",
    "\\right",
    "\\text{",
    "\\limits",
    "\\href",
    "\\mathrm",
]
PIECES += ["\\begin{cases}", "\\end{cases}", "<script>"]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_any_text_is_refused_or_becomes_harmless_elements(tex):
    """Formulas of strangers: only known elements, and no attribute of the stranger's making."""
    try:
        made = mathml(tex)
    except FormulaError:
        return
    root = ET.fromstring(made)
    assert root.attrib.keys() == {"display", "alttext"}
    allowed = {"lspace", "rspace", "form", "stretchy", "fence", "largeop", "movablelimits", "width"}
    allowed |= {"style", "accent", "accentunder", "linethickness", "minsize", "maxsize"}
    allowed |= {"voffset", "height"}
    allowed |= {"mathvariant", "displaystyle"}
    for node in root.iter():
        assert node.tag in ELEMENTS
        assert node is root or node.attrib.keys() <= allowed
        if node is not root:
            assert all(re.fullmatch(r"[-a-z0-9 .:;']*", value) for value in node.attrib.values())


def test_the_font_holds_the_signs_and_is_small():
    font = math_font()
    assert font.startswith("url(data:font/woff;base64,")
    assert len(font) < 250_000
    used = {text for table in (LETTERS, FUNCTIONS) for word in table.values() for text in word}
    used |= {text for _kind, word in OPERATORS.values() for text in word}
    used |= {text for name in FONTS for text in "".join(tree(f"\\{name}{{Az1}}").itertext())}
    assert [one for one in used if not any(a <= ord(one) <= b for a, b in KEPT)] == []
