"""Nothing of a submission runs in a lecturer's browser, and no terminal obeys it."""

from __future__ import annotations

import json
import time
from html.parser import HTMLParser

import nbformat
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from nbconvert import HTMLExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from nncourse.grading.sanitize import (
    HARMLESS,
    SHOWN,
    clean_html,
    clean_markdown,
    clean_notebook,
    clean_output,
    clean_text,
)
from tests.grading.toy import role

# What a renderer of Markdown makes by itself.
FORM = {*HARMLESS.split("|"), "a", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "code", "del", "div"}
FORM |= {"blockquote", "table", "thead", "tbody", "tr", "th", "td", "span", "input"}
FORM |= {"dl", "dt", "dd"}
FETCHING = {"script", "style", "svg", "math", "img", "iframe", "link", "meta", "form", "object"}
PLAIN_ATTRIBUTES = {"href", "id", "class", "style", "title", "start", "align", "type", "checked"}
PLAIN_ATTRIBUTES |= {"disabled", "rel", "colspan", "rowspan"}


class Danger(HTMLParser):
    """Collects whatever could run or be fetched."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag not in FORM:
            self.found.append(tag)
        for name, value in attrs:
            web = ("http://", "https://", "#", "mailto:")
            plain = name in PLAIN_ATTRIBUTES and (name != "href" or value.startswith(web))
            if not plain or (name == "style" and not value.startswith("text-align:")):
                self.found.append(f"{tag} {name}={value}")

    handle_startendtag = handle_starttag


def dangers(html):
    parser = Danger()
    parser.feed(html)
    parser.close()
    return parser.found


commonmark = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
RENDERERS = {"nbconvert": markdown2html_mistune, "CommonMark": commonmark.render}

HOSTILE = [
    "<script>alert(1)</script>",
    "<ScRiPt\n>alert(1)</sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)//",
    "<svg onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<b onmouseover=alert(1)>x</b>",
    "<b\nonclick=alert(1)>x</b>",
    "<br/onclick=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href=javascript:alert(1)>x</a>",
    "<style>@import 'http://evil.example/x.css'</style>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<form action=javascript:alert(1)><button>x",
    "<math><mtext></p><img src onerror=alert(1)></mtext></math>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<!--><img src=x onerror=alert(1)>-->",
    "<?xml version='1.0'?><x onclick=alert(1)>",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "</p><script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x]( javascript:alert(1))",
    "[x](\njavascript:alert(1))",
    "[x](\tjava&Tab;script:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "[x](file:///etc/passwd)",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "[x]\n\n[x]:\njavascript:alert(1)",
    "[x]\n\n[x]: <javascript:alert(1)>",
    "[x][y]\n\n> [y]: javascript:alert(1)",
    "[x](https://a.example \"y' onclick='alert(1)\")",
    '[x](https://a.example" onclick="alert(1))',
    "<javascript:alert(1)>",
    "![x](http://evil.example/seen.png)",
    '![x](x" onerror="alert(1))',
    "![x][y]\n\n[y]: http://evil.example/seen.png",
    "[![x](http://evil.example/seen.png)](https://a.example)",
    '```"><script>alert(1)</script>\nx\n```',
    '```mermaid\nclick A href "javascript:alert(1)"\n<img src=x onerror=alert(1)>\n```',
    '# x" onmouseover="alert(1)',
    "$\\href{javascript:alert(1)}{x}$",
    "$$\\style{background:url(http://evil.example)}{x}$$",
    "$\\require{html}\\class{x}{y}$",
    "$<img src=x onerror=alert(1)>$",
    "\\begin{x<img src=x onerror=alert(1)>}y\\end{x<img src=x onerror=alert(1)>}",
    "| <img src=x onerror=alert(1)> |\n|---|\n| <script>x</script> |",
    "    <script>alert(1)</script>",
    "`<script>alert(1)</script>`",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<\u200bscript>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\x1b]8;;javascript:alert(1)\x07x\x1b]8;;\x07",
    # Here the mark of a quotation ends a tag.
    "> so <b\n> onfocus=alert(1) autofocus tabindex=0>x",
    "> <hr><br \n> onmouseover=alert(1) >x",
    "> <p></b\n> ><img src=x onerror=alert(1)>",
    "> > <b\n>> style=position:fixed;inset:0>x",
    "1. > <hr><u\n   > onclick=alert(1)>x",
    "a\n: > <kbd\n  > onclick=alert(1)>x",
    "> <hr><b/\n> onclick=alert(1)>x",
    "> <hr><\n> img src=x onerror=alert(1)>",
    # Blanks that only some take for such.
    "```\u00a0mermaid\ngraph TD\n```",
    "~~~\u2003mermaid\ngraph TD\n~~~",
    "> ````\u3000\tmermaid\n> graph TD\n> ````",
    "[x]\n\n[x]:\u2003https://a.example",
    "<b\u2003onclick=alert(1)>x",
    # What a browser takes for comments, and letters that only some take for "s" and "k".
    "<p>\n</ onclick=alert(1)>\n</\u017f>\n<\u212abd onclick=alert(1)>",
]
# What may stand between the two ends of a tag.
ACROSS = ["\n> ", "\n>", "\n: ", "\n    ", "> <hr>", "<b", "</p", " onclick=alert(1)>"]
ACROSS += ["\n```", "mermaid\n"]
pieces = st.lists(
    st.sampled_from([*HOSTILE, *"<>[]()!:`$\\\"'/= \n#&;", "javascript:", "http://", "on", "- "])
    | st.sampled_from(ACROSS)
    | st.text(max_size=4),
    max_size=8,
).map("".join)


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_markdown_runs_or_fetches_anything(text, renderer):
    html = RENDERERS[renderer](clean_markdown(text))
    assert dangers(html) == []
    assert "\\href" not in html
    assert 'class="mermaid"' not in html


@pytest.mark.parametrize("text", HOSTILE)
def test_no_html_runs_or_fetches_anything(text):
    assert [d for d in dangers(clean_html(text)) if " " in d or d in FETCHING] == []


def test_the_corpus_is_dangerous_unless_cleaned():
    bad = [text for text in HOSTILE if any(dangers(r(text)) for r in RENDERERS.values())]
    assert len(bad) > 30


@pytest.mark.parametrize("renderer", RENDERERS)
@given(text=pieces)
@settings(max_examples=100, deadline=None)
def test_no_mixture_of_them_does_either(renderer, text):
    clean = clean_markdown(text)
    html = RENDERERS[renderer](clean)
    assert dangers(html) == []
    assert 'class="mermaid"' not in html
    assert clean_markdown(clean) == clean


@given(text=pieces)
@settings(max_examples=100, deadline=None)
def test_html_is_form_only(text):
    assert [d for d in dangers(clean_html(text)) if " " in d or d in FETCHING] == []


@given(text=st.text())
@example("\x1b[2J\x9b31m\x07\x00\ud800\u202e\r\x08")
def test_no_control_character_is_left(text):
    assert all(c in "\n\t" or c.isprintable() or c.isspace() for c in clean_text(text))
    assert not set("\x1b\x9b\x07\x00\x08\r\u202e") & set(clean_text(text))


@pytest.mark.parametrize(
    "text",
    [
        "With $a < b$ and $x_1 <= y$ the **sum** of `f[0]` is *less*.",
        "$$\\frac{\\partial L}{\\partial W} = \\sum_n x_n$$",
        "1. one\n2. two<br>three\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "See [the notes](https://example.org/notes) and <sub>below</sub>.",
        "```python\nx = y[1:] if a > b else {}\n```",
    ],
)
def test_usual_answers_stay_as_they_are(text):
    assert clean_markdown(text) == text


def test_of_outputs_only_harmless_types_are_left():
    png = "iVBORw0KGgo="
    data = {
        "text/plain": "x\x1b[0m",
        "text/html": "<b onclick=alert(1)>x</b><script>alert(1)</script>",
        "text/markdown": "[x](javascript:alert(1))",
        "image/svg+xml": "<svg onload=alert(1)>",
        "image/png": png,
        "image/jpeg": "PHN2Zz4=",
        "application/javascript": "alert(1)",
        "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
        "application/vnd.plotly.v1+json": {},
        "text/latex": "$\\href{javascript:alert(1)}{x}$",
        "text/vnd.mermaid": "graph",
    }
    output = clean_output(new_output("display_data", data, metadata={"isolated": True}))
    assert output == {
        "output_type": "display_data",
        "metadata": {},
        "data": {
            "text/plain": "x?[0m",
            "text/html": "<b>x</b>",
            "text/markdown": "[x] (javascript:alert(1))",
            "image/png": png,
        },
    }
    assert clean_output({"output_type": "display_data", "data": {"image/svg+xml": "<svg>"}}) is None
    assert clean_output({"output_type": "<script>"}) is None
    assert clean_output({"output_type": "display_data", "data": [1]}) is None


def test_a_whole_notebook_is_harmless_in_the_formgraders_renderer():
    cells = [
        new_markdown_cell(
            text, attachments={"x": {"image/svg+xml": "x"}}, metadata=role(f"m{i}", "manual", 1)
        )
        for i, text in enumerate(HOSTILE)
    ]
    cells += [
        new_code_cell(
            text,
            metadata=role(f"c{i}", "solution"),
            outputs=[
                new_output("stream", text=text),
                new_output("error", ename=text, evalue=text, traceback=[text]),
                new_output("display_data", {"text/html": text, "image/svg+xml": text}),
                new_output("execute_result", {"text/markdown": text}),
            ],
        )
        for i, text in enumerate(HOSTILE)
    ]
    state = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    notebook = new_notebook(cells=cells, metadata={"widgets": state})
    cleaned = nbformat.from_dict(clean_notebook(json.loads(json.dumps(notebook))))
    nbformat.validate(cleaned)
    assert "widgets" not in cleaned.metadata
    html, _ = HTMLExporter(template_name="basic").from_notebook_node(cleaned)
    found = {d for d in dangers(html) if not d.startswith(("div", "span", "pre", "main"))}
    assert found <= {"a class", "main"}, found


def test_the_lecturers_own_cells_stay_as_they_are():
    text = "<details><summary>Hint</summary>\n\n![x](x.png)\n\n</details>"
    cell = new_markdown_cell(text)
    answer = new_markdown_cell(text, metadata=role("why", "manual", 5))
    cleaned = clean_notebook(json.loads(json.dumps(new_notebook(cells=[cell, answer]))))
    assert cleaned["cells"][0]["source"] == text
    assert cleaned["cells"][1]["source"] != text


@pytest.mark.parametrize(
    "start", ["\\\\[", "\\\\(", "\\begin{a}", "[", "**a", "$", "> ", "`", "<b>"]
)
def test_no_answer_takes_long_to_draw(start):
    """The server of the formgrader does nothing else meanwhile; this took minutes."""
    source = start * (500_000 // len(start))
    cell = new_markdown_cell(source, metadata=role("why", "manual", 5))
    notebook = clean_notebook(json.loads(json.dumps(new_notebook(cells=[cell]))))
    begin = time.process_time()
    markdown2html_mistune(notebook["cells"][0]["source"])
    assert time.process_time() - begin < 3


@pytest.mark.parametrize("mark", ["*", "_", "**"])
def test_no_answer_of_many_emphases_takes_long_to_draw(mark):
    count = SHOWN // (2 * len(mark) + 4)
    text = f"{mark}a " * count + f"a{mark} " * count
    clean = clean_markdown(text)
    assert clean_markdown(clean) == clean
    begin = time.process_time()
    markdown2html_mistune(clean)
    assert time.process_time() - begin < 3


@pytest.mark.parametrize("text", ["*", "_~", "]:\t", "a "])
def test_no_answer_of_one_character_holds_up_the_class(text):
    """It is cleaned where all submissions pass, and drawn where nobody else is served meanwhile."""
    text += text[-1] * (SHOWN - len(text) - 1) + ("b" if text[-1].isspace() else "")
    begin = time.process_time()
    clean = clean_markdown(text)
    assert time.process_time() - begin < 0.5
    markdown2html_mistune(clean)
    assert time.process_time() - begin < 2
    assert clean_markdown(clean) == clean


EMPTY_LINES = [" \n", "\t" * 60 + "\n", "a" + "\n" * (SHOWN - 2) + "b", "a" + "\n  " * 60]


@pytest.mark.parametrize("part", [".", "*", "a.", ".*", "_." * 50 + "x", *EMPTY_LINES])
def test_no_code_takes_long_to_be_drawn(part):
    """Jupyter does nothing else meanwhile, for anyone."""
    source = (part * (SHOWN // len(part) + 1))[:SHOWN]
    cell = new_code_cell(source, metadata=role("a", "solution"))
    clean_notebook(new_notebook(cells=[cell]))
    begin = time.process_time()
    Highlight2HTML(pygments_lexer="ipython3")(cell["source"])
    assert time.process_time() - begin < 3
    assert "".join(cell["source"].split()) == "".join(source.split())


def test_what_is_long_is_cut_where_it_is_shown():
    cells = [
        new_code_cell("x" * (SHOWN + 1), metadata=role("a", "solution")),
        new_code_cell("x" * SHOWN, metadata=role("b", "solution")),
    ]
    notebook = clean_notebook(json.loads(json.dumps(new_notebook(cells=cells))))
    assert [cell["source"] for cell in notebook["cells"]] == ["x" * SHOWN + "\n...", "x" * SHOWN]


@pytest.mark.parametrize(
    "tex",
    [
        "\\def\\frac#1{0}",
        "\\let\\le\\ge",
        "\\renewcommand{\\le}{>}",
        "\\raise9em{5/5}",
        "\\kern-90em 5",
        "\\llap{5/5}",
        "\\Rule{9em}{9em}{-9em}",
        "\\hspace{-9em}",
        "\\smash{x}",
        "\\uproot{-999}5/5",
        "\\leftroot{9}",
        "\\skew{-999}{x}",
        "\\negthinspace 5",
        "\\definecolor{red}{rgb}{1,1,1}",
    ],
)
def test_no_formula_changes_or_covers_what_else_is_on_the_page(tex):
    assert clean_markdown(f"${tex}$") == f"$\\ {tex[1:]}$"


def test_blanks_below_zero_are_few():
    source = "$x" + "\\!" * 9 + "y$"
    clean = "$x" + "\\!" * 3 + "\\ !" * 6 + "y$"
    assert clean_markdown(source) == clean_markdown(clean) == clean


def test_other_formulas_stay():
    text = "$\\int\\!\\!\\! x$"
    text += " $\\left( \\text{a} \\right) \\leq \\hat{x} \\quad \\delta_{def} \\\\[2pt] \\ell$"
    assert clean_markdown(text) == text


PILES = ["\u0301", "\u0323\u0489", "\u20dd", "\ufe20\u1ab0\u1dc0"]
PILES += [f"\u0301\u0302\u0303{chosen}" for chosen in "\ufe00\ufe0f\U000e0100\U000e01ef"]


@pytest.mark.parametrize("mark", PILES)
def test_no_marks_are_piled_up_over_other_lines(mark):
    assert clean_text("x" + mark * 500 + "y") == "x" + (mark * 3)[:3] + "y"


@pytest.mark.parametrize("mark", ["\u0e47", "\u0650\u0651", "\u0f7b", "\u0e35\u0301"])
def test_no_script_piles_marks_up(mark):
    assert len(clean_text("\u0e01" + mark * 500 + "y")) <= 7


def test_letters_with_marks_stay():
    for text in ("เพื่อที่จะ", "हिन्दी में क्षत्रिय", "မြွှုံ့", "שָׁלוֹם", "بِسْمِ اللّٰهِ"):
        assert clean_text(text) == text
    text = "Е\u0308лкина, tie\u0302\u0301ng Vie\u0323\u0302t, x\u0304\u0302\u2032, 1\ufe0f\u20e3"
    assert clean_text(text) == text
