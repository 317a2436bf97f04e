"""The way back: what reaches the lecturer's browser, terminal and disk."""

from tests.grading.attacks import Attack

ATTACKS = [
    Attack(
        "HTML as output",
        "class H:\n    def _repr_html_(self): return '<script>alert(1)</script>'\n"
        "    def _repr_svg_(self): return '<svg onload=alert(1)>'\n    _repr_mimebundle_ = None\n"
        "display(H())\nH()\ndef square(x): return H()",
    ),
    Attack(
        "terminal codes in output and errors",
        "print('\\x1b]0;evil\\x07\\x1b[2J\\x9b31m')\n"
        "def square(x): raise ValueError('\\x1b[31mred\\x07\\x00')",
    ),
    Attack(
        "a type named as markup",
        "def square(x): raise type('[red]</>\\x1b[31m<script>', (Exception,), {})('[bold]')",
    ),
    Attack(
        "markup that two remarks make together",
        "raise ValueError('[/x')",
        {"layer_answer": "raise ValueError('x]')"},
    ),
    Attack(
        "a kind of error that ends a line",
        "def square(x): raise type('E: 1\\nzz after 30 / 35', (Exception,), {})('x')",
    ),
    Attack("right-to-left text", "def square(x): raise ValueError('\\u202e\\u2066 evil')"),
    Attack("a formula for the spreadsheet", "def square(x): raise ValueError('=1+1')"),
    Attack(
        "a traceback of another file",
        "code = compile('1/0', '/etc/passwd', 'exec')\ndef square(x): exec(code)",
    ),
    Attack(
        "frames that are none",
        "def square(x):\n    exec(compile('\\n' * 90000 + '1/0', '<cell 1>', 'exec'))",
    ),
    Attack(
        "inputs of a test in the next answer's output",
        "seen = []\ndef square(x):\n    seen.append(x)\n    return 0",
        {
            "layer_answer": "print('LEA' + 'KED', seen)\n"
            "raise type('LEA' + 'KED' + str(seen[0]), (Exception,), {})('LEA' + 'KED')",
        },
    ),
    Attack(
        "inputs of a test in the name of a function",
        "def square(x):\n    def f(): raise NotImplementedError\n"
        "    f.__code__ = f.__code__.replace(co_name='LEA' + f'KED{x}')\n    f()",
    ),
    Attack(
        "lines that end elsewhere",
        "def square(x): raise ValueError('a\\u2028zz after 30 / 35\\u2029\\x85\\x1c\\x0b\\r\\n')",
    ),
    Attack(
        "braces and percents",
        "def square(x):\n    raise ValueError('{0.__class__} {error} %(x)s %s {} {{ [red]')",
    ),
    Attack(
        "markdown that is drawn, run or loaded",
        answers={
            "why": "<img src=x onerror=alert(1)>\n\n![x](http://127.0.0.1:PORT/x)\n\n"
            "[x](javascript:alert(1))\n\n$\\\\href{javascript:alert(1)}{x}$\n\n"
            '```mermaid\nclick a "javascript:alert(1)"\n```\n\n<!--<script>-->\n\n'
            "[x]: data:text/html,x\n\n<math><mtext><script>alert(1)</script>\n\n"
            + "> " * 2000
            + "\n\n$"
            + "{" * 5000
            + "$ \x1b]0;evil\x07"
        },
    ),
    Attack(
        "formulas that are drawn over the page",
        answers={
            "why": "$\\sqrt[\\uproot{-900}\\leftroot{99} 5/5]{x}$ &#36;\\uproot{-9}&#36; $x"
            + "\\negthinspace" * 99
            + "\\!" * 999
            + " 5/5$ $"
            + "\\hat{" * 99
            + "x"
            + "}" * 99
            + "$ <center><big>"
        },
    ),
    Attack("code that is markup", "</pre><script>alert(1)</script><!--\x1b[2J"),
    Attack(
        "an object whose picture takes for ever",
        "class R:\n    def __repr__(self):\n        while True: pass\nR()\ndef "
        "square(x): return R()",
    ),
]
