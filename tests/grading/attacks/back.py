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
]
