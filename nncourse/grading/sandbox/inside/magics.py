"""IPython's own syntax in a cell, put into Python: magics, shell commands, questions for help.

There is no IPython in a graded session. ``%time y = f(x)`` runs what it times, and what a magic
would have been assigned to is assigned nothing in particular; all else is passed over, and so is a
cell for another program, but for one that writes a file, such as a module of the student's own.
Lines stay where they are, for the sake of tracebacks.
"""

from __future__ import annotations

import ast
import re

# To the end of a statement's line. Nothing is tried twice (``++``), so no cell takes long.
REST = r"(?:\\\n|[^\n])*+"
# At the beginning of a statement.
MAGIC = re.compile(
    rf"""(?P<indent>[ \t]*+)(?:
      %time[ \t]++(?P<timed>[^\s-]{REST})
    | (?P<assigned>[^\n\#"'=%!?()]++)=[ \t]*+[%!](?!=){REST}
    | %%capture(?:[ \t]++--\S++)*+[ \t]++(?P<captured>[^\W\d]\w*+){REST}
    | [%!?]{REST}
    | [^\n\#"']*\?(?=\n|\Z)
    )""",
    re.VERBOSE,
)
# Strings and comments as a whole, and what else may hold the beginning of a statement or hide it.
TOKEN = re.compile(
    r'''"""(?:[^"\\]|\\.|"(?!""))*+"""
    |   \'\'\'(?:[^'\\]|\\.|'(?!''))*+\'\'\'
    |   "(?:[^"\\\n]|\\.)*+"
    |   '(?:[^'\\\n]|\\.)*+'
    |   \#[^\n]*
    |   \\.
    |   [\w \t]+
    |   .''',
    re.VERBOSE | re.DOTALL,
)
INDENT = re.compile(r"(?:[ \t]*+\n)*+([ \t]++)\S")
PROMPT = re.compile(r"^(?:>>>|\.\.\.)(?: |$)", re.MULTILINE)
NUMBERED = re.compile(r"\s*In \[\d++\]: ")  # as IPython prompts in a terminal
NUMBERED_PROMPT = re.compile(r"^(?:In \[\d++\]: |[ \t]*+\.{3,}: ?)", re.MULTILINE)
# Cells that bind nothing in the kernel; %%script false is how one switches a cell off.
FOREIGN = re.compile(
    r"\s*%%(?:script|bash|sh|cmd|system|sx|!|python[23]?|pypy|perl|ruby|node|deno|R|julia|sql"
    r"|html|HTML|markdown|latex|svg|SVG|js|javascript|mermaid|cython|cpp|timeit"
    r"|writefile|file)(?!\w)"
)
FILE = re.compile(
    r"\s*%%(?:write)?file[ \t]++(?P<more>-a[ \t]++|--append[ \t]++)?"
    r"(?P<quote>[\"']?)(?P<name>[^\s\"'{}$]++)(?P=quote)[ \t]*+\n(?P<body>.*)",
    re.DOTALL,
)
TEXT = r"""(?:'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+")"""
WRITING = re.compile(
    rf"^open\((?P<name>{TEXT}), '[aw]', encoding='utf-8'\)\.write\((?P<body>{TEXT})\);?+$",
    re.MULTILINE,
)


def python(source: str) -> str:
    """A cell as Python. It is for cells that Python can't parse as they are."""
    # A cell may be indented as a whole, or copied from documentation.
    indent = INDENT.match(source)
    if indent:
        source = re.sub(f"^{indent[1]}", "", source, flags=re.MULTILINE)
    if source.lstrip().startswith(">>>"):
        source = PROMPT.sub("", source)
    elif NUMBERED.match(source):
        source = NUMBERED_PROMPT.sub("", source)
    if FOREIGN.match(source):
        file = FILE.match(source)
        return (_writing(file) if file else "pass") + "\n" * source.count("\n")
    parts = []
    place, depth, begins = 0, 0, True
    while place < len(source):
        magic = MAGIC.match(source, place) if begins else None
        if magic:
            parts.append(_python(magic))
            place, begins = magic.end(), False
            continue
        token = TOKEN.match(source, place)
        assert token is not None
        text = token[0]
        if text in ("(", "[", "{"):
            depth += 1
        elif text in (")", "]", "}"):
            depth = max(0, depth - 1)
        begins = text == "\n" and depth == 0
        parts.append(text)
        place = token.end()
    return "".join(parts)


def _writing(file: re.Match[str]) -> str:
    mode = "a" if file["more"] else "w"
    return f"open({file['name']!r}, {mode!r}, encoding='utf-8').write({file['body'] + chr(10)!r});"


def unwritten(source: str) -> str:
    """A cell from ``python``, with the files that it writes as code under a comment."""

    def read(written: re.Match[str]) -> str:
        try:
            name, body = map(ast.literal_eval, written.group("name", "body"))
        except (SyntaxError, ValueError):
            return written[0]
        return f"# {name!r}\n{body}"

    return WRITING.sub(read, source)


def _python(magic: re.Match[str]) -> str:
    name = magic["assigned"] or magic["captured"]
    text = magic["timed"] or (f"{name} = get_ipython()" if name else "pass")
    return magic["indent"] + text + "\n" * (magic[0].count("\n") - text.count("\n"))
