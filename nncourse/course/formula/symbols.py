"""The TeX commands that formulas of the course may use, each with its character and its class.

Classes are TeX's, for the space around an operator: binary, relation, punctuation, opening,
closing, big (a sum), ordinary. `formula.py` reads these tables; a new command is a new word here.
"""

from __future__ import annotations


def _words(names: str, characters: str) -> dict[str, str]:
    return dict(zip(names.split(), characters.split(), strict=True))


LETTERS = _words(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "pi rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma "
    "Upsilon Phi Psi Omega ell hbar partial nabla infty emptyset varnothing forall exists "
    "top bot dots ldots cdots vdots ddots prime degree Re Im aleph angle square checkmark",
    "α β γ δ ϵ ε ζ η θ ϑ ι κ λ μ ν ξ π ρ σ τ υ ϕ φ χ ψ ω Γ Δ Θ Λ Ξ Π Σ Υ Φ Ψ Ω ℓ ℏ ∂ ∇ ∞ ∅ ∅ ∀ ∃ "
    "⊤ ⊥ … … ⋯ ⋮ ⋱ ′ ° ℜ ℑ ℵ ∠ □ ✓",
)
# Capital Greek letters are not slanted in TeX, nor are signs that Unicode counts as letters.
UPRIGHT = {name for name in LETTERS if name[0].isupper()} | {"nabla", "infty", "top", "bot"}

_CLASSES = {
    "bin": _words(
        "pm mp times div cdot circ ast star odot oplus otimes ominus cap cup land lor wedge vee "
        "setminus bullet",
        "± ∓ × ÷ ⋅ ∘ ∗ ⋆ ⊙ ⊕ ⊗ ⊖ ∩ ∪ ∧ ∨ ∧ ∨ ∖ •",
    ),
    "rel": _words(
        "le leq ge geq ne neq approx equiv sim simeq cong propto ll gg in notin ni subset subseteq "
        "supset supseteq to rightarrow leftarrow gets leftrightarrow Rightarrow Leftarrow "
        "Leftrightarrow iff implies mapsto longrightarrow uparrow downarrow mid parallel perp "
        "coloneqq vdash models",
        "≤ ≤ ≥ ≥ ≠ ≠ ≈ ≡ ∼ ≃ ≅ ∝ ≪ ≫ ∈ ∉ ∋ ⊂ ⊆ ⊃ ⊇ → → ← ← ↔ ⇒ ⇐ ⇔ ⇔ ⇒ ↦ ⟶ ↑ ↓ ∣ ∥ ⟂ ≔ ⊢ ⊨",
    ),
    "big": _words(
        "sum prod coprod int oint bigcup bigcap bigoplus bigotimes bigvee bigwedge",
        "∑ ∏ ∐ ∫ ∮ ⋃ ⋂ ⨁ ⨂ ⋁ ⋀",
    ),
    "open": _words("lvert lVert langle lceil lfloor lbrace {", "| ‖ ⟨ ⌈ ⌊ { {"),
    "close": _words("rvert rVert rangle rceil rfloor rbrace }", "| ‖ ⟩ ⌉ ⌋ } }"),
    "ord": _words("lnot neg | vert Vert % # & _ $ backslash colon", "¬ ¬ ‖ | ‖ % # & _ $ ∖ :"),
}
OPERATORS = {name: (kind, text) for kind, words in _CLASSES.items() for name, text in words.items()}

# What stands for itself, apart from letters and digits.
CHARACTERS = {
    **{text: ("bin", text) for text in "+*±×·⊙"},
    "-": ("bin", "−"),
    **{text: ("rel", text) for text in "=<>:≤≥≈→←∈"},
    ":=": ("rel", ":="),
    **{text: ("punct", text) for text in ",;"},
    **{text: ("open", text) for text in "(["},
    **{text: ("close", text) for text in ")]"},
    **{text: ("ord", text) for text in '/|!.?@"`'},
    "~": ("ord", "\u00a0"),
}
DELIMITERS = {
    **{text: text for text in "()[]|/"},
    ".": "",
    "<": "⟨",
    ">": "⟩",
    **{f"\\{name}": text for kind in ("open", "close") for name, text in _CLASSES[kind].items()},
    **{f"\\{name}": OPERATORS[name][1] for name in ("|", "vert", "Vert")},
}

_NAMES = """arccos arcsin arctan arg cos cosh cot deg det dim exp gcd hom inf ker lg lim ln log
max min Pr sec sin sinh sup tan tanh"""
FUNCTIONS = {
    **{name: name for name in _NAMES.split()},
    "argmax": "arg\u2009max",
    "argmin": "arg\u2009min",
}
LIMITS = {"max", "min", "lim", "sup", "inf", "Pr", "det", "gcd", "argmax", "argmin"}

SPACES = {
    ",": 0.167,
    ":": 0.222,
    ">": 0.222,
    ";": 0.278,
    " ": 0.25,
    "!": -0.167,
    "quad": 1,
    "qquad": 2,
}

# Element, character, whether it grows with what is under it.
ACCENTS = {
    "hat": ("mover", "ˆ", False),
    "widehat": ("mover", "ˆ", True),
    "bar": ("mover", "¯", False),
    "overline": ("mover", "‾", True),
    "tilde": ("mover", "˜", False),
    "widetilde": ("mover", "˜", True),
    "dot": ("mover", "˙", False),
    "ddot": ("mover", "¨", False),
    "vec": ("mover", "→", False),
    "check": ("mover", "ˇ", False),
    "underline": ("munder", "_", True),
}
BRACES = {"overbrace": ("mover", "⏞"), "underbrace": ("munder", "⏟")}
BIG = {
    f"{name}{side}": size
    for name, size in {"big": 1.2, "Big": 1.8, "bigg": 2.4, "Bigg": 3.0}.items()
    for side in ("", "l", "r")
}

# Left bracket, right bracket, alignment of the columns, repeated.
ENVIRONMENTS = {
    **dict.fromkeys(("aligned", "align", "align*", "split"), ("", "", "rl")),
    **dict.fromkeys(("gathered", "gather", "gather*", "matrix", "array"), ("", "", "c")),
    "cases": ("{", "", "l"),
    "pmatrix": ("(", ")", "c"),
    "bmatrix": ("[", "]", "c"),
    "vmatrix": ("|", "|", "c"),
    "Vmatrix": ("‖", "‖", "c"),
}

FONTS = {
    "mathbf": "bold",
    "boldsymbol": "bold",
    "bm": "bold",
    "mathrm": "normal",
    "mathit": "italic",
    "mathbb": "double",
    "mathcal": "script",
    "mathsf": "sans",
    "mathtt": "mono",
}
# Where Unicode's mathematical alphabets begin: capitals, small letters, digits (0: none).
_ALPHABETS = {
    "bold": (0x1D400, 0x1D41A, 0x1D7CE),
    "italic": (0x1D434, 0x1D44E, 0),
    "double": (0x1D538, 0x1D552, 0x1D7D8),
    "script": (0x1D49C, 0x1D4B6, 0),
    "sans": (0x1D5A0, 0x1D5BA, 0x1D7E2),
    "mono": (0x1D670, 0x1D68A, 0x1D7F6),
}
# Letters that Unicode had before, elsewhere.
_ELSEWHERE = {
    **{("double", one): text for one, text in zip("CHNPQRZ", "ℂℍℕℙℚℝℤ")},
    **{("script", one): text for one, text in zip("BEFHILMRego", "ℬℰℱℋℐℒℳℛℯℊℴ")},
    ("italic", "h"): "ℎ",
}
_GREEK = {"Α": 0x1D6A8, "α": 0x1D6C2}  # bold


def styled(text: str, font: str) -> str:
    """The characters of a text in one of the alphabets of mathematics; others stay as they are."""
    return "".join(_styled(one, font) for one in text)


def _styled(one: str, font: str) -> str:
    if (font, one) in _ELSEWHERE:
        return _ELSEWHERE[font, one]
    if font not in _ALPHABETS:
        return one
    capitals, small, digits = _ALPHABETS[font]
    for first, last, start in (("A", "Z", capitals), ("a", "z", small), ("0", "9", digits)):
        if start and first <= one <= last:
            return chr(start + ord(one) - ord(first))
    if font == "bold":
        for first, start in _GREEK.items():
            if 0 <= ord(one) - ord(first) < 25:
                return chr(start + ord(one) - ord(first))
    return one
