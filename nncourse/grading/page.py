"""A page of HTML that needs nothing else: no network, no script; light and dark.

A browser is told so as well, by a policy: even if something of a student's slipped through, it
could neither run nor fetch anything.
"""

from __future__ import annotations

from html import escape

from nncourse.grading.sanitize import clean_text
from nncourse.language import current

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

# Blue, orange and green of Okabe and Ito, told apart by the colour-blind; words or signs go along.
STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1b1b1b, #e6e6e6);
  --soft: light-dark(#5c5c5c, #a8a8a8); --line: light-dark(#d6d6d6, #4a4a4a);
  --back: light-dark(#ffffff, #181a1b); --panel: light-dark(#f5f5f3, #232627);
  --good: light-dark(#0072b2, #56b4e9); --part: light-dark(#b87f00, #e69f00);
  --bad: light-dark(#c04a00, #ff8c42); }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--back);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
h1, h2, td, th, li, p { overflow-wrap: anywhere; }
.part-name { overflow-wrap: break-word; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.soft { color: var(--soft); }
.total { font-size: 2rem; margin: .2rem 0 1rem; font-variant-numeric: tabular-nums; }
pre { background: var(--panel); padding: .7rem .9rem; border-radius: 6px; overflow-x: auto;
  font-size: .88rem; line-height: 1.45; }
blockquote { overflow: auto hidden; }
.why { border-left: 4px solid var(--bad); padding: .1rem 0 .1rem .9rem; margin: .8rem 0; }
.why.part { border-color: var(--part); } .why.by-hand { border-color: var(--good); }
.why p { margin: .35rem 0; white-space: pre-line; }
math { font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", math; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1rem; }
summary { cursor: pointer; padding: .2rem 0; }
mark { background: light-dark(#fff0b3, #5c4a00); color: inherit; }
.bar { width: 7rem; height: .7rem; background: var(--panel); border: 1px solid var(--line);
  border-radius: 3px; margin-top: .4rem; }
.bar > div { height: 100%; border-radius: 2px; background: var(--good); }
.bar.part > div { background: var(--part); } .bar.bad > div { background: var(--bad); }
svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui; }
svg .soft { fill: var(--soft); } svg .column { fill: var(--good); }
svg .axis { stroke: var(--line); } svg .mark { stroke: var(--bad); stroke-dasharray: 4 3; }
@media (max-width: 45rem) { td, th { padding-right: .5rem; } th, th.n { white-space: normal; }
  .bar { width: 3rem; } }
@media print { body { margin: 0; } pre { white-space: pre-wrap; } }
"""


def page(title: str, body: str) -> str:
    """The whole page, in the current language. ``body`` is HTML, ``title`` plain text."""
    return (
        f'<!doctype html>\n<html lang="{current()}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def bar(share: float) -> str:
    """A bar for a share between 0 and 1; the number must stand beside it."""
    share = min(max(share, 0.0), 1.0)
    kind = "bar" if share > 0.999 else "bar part" if share >= 0.5 else "bar bad"
    return f'<div class="{kind}"><div style="width:{100 * share:.0f}%"></div></div>'


def part_name(text: str) -> str:
    """The name of a part, which a narrow column breaks between its words only."""
    return f'<span class="part-name">{escape(clean_text(text)).replace("_", "_<wbr>")}</span>'


def number(value: float) -> str:
    """Points as a reader writes them: 7.5, 10."""
    return f"{round(value, 2):g}"


def table(heads: list[str], rows: list[list[str]], numbers: tuple[int, ...] = ()) -> str:
    """A table of cells that are HTML already; ``numbers``: the columns set to the right."""

    def cells(tag: str, row: list[str]) -> str:
        made = []
        for index, cell in enumerate(row):
            kind = ' class="n"' if index in numbers else ""
            name = tag if cell else "td"  # a head that says nothing is none
            made.append(f"<{name}{kind}>{cell}</{name}>")
        return f"<tr>{''.join(made)}</tr>"

    return f"<table>{cells('th', heads)}{''.join(cells('td', row) for row in rows)}</table>"
