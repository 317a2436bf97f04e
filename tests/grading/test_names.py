"""Which names a piece of code reads from elsewhere when it runs, and which it binds."""

import pytest

from nncourse.grading.names import names, quick_names


@pytest.mark.parametrize(
    ("code", "runs", "binds"),
    [
        ("x = x + y", "xy", "x"),
        ("if (x := x + 1) > y: pass", "xy", "x"),
        ("y = [x for x in x]", "x", "y"),
        ("y = {x: z for x in a for z in x}", "a", "y"),
        ("y = [z for x in a for z in b]", "ab", "y"),
        ("def f(x: a = b, *y: c, z: d = e, **k: g) -> h:\n    return i", "abcdegh", "f"),
        ("def f(x, /, y):\n    return x + y", "", "f"),
        ("@a\nclass C(b, k=c):\n    x: d = e\n    y = x", "abcde", "C"),
        ("x: a = b", "ab", "x"),
        ("x: a", "a", ""),
        ("y = lambda x=a: x + b", "a", "y"),
        ("with a as x, x as y: pass", "a", "xy"),
        ("for x in x: y = x", "x", "xy"),
        ("x, y = y, 1", "y", "xy"),
        ("x += y", "xy", "x"),
    ],
)
def test_what_runs_at_once_reads_what_it_has_not_bound(code, runs, binds):
    found = names(code)
    assert (found.runs, found.binds) == (set(runs), set(binds))


@pytest.mark.parametrize("read", [names, quick_names])
@pytest.mark.parametrize(
    "body",
    [
        "    raise a(b)\n    return c, d",
        "    if a:\n        raise b\n        # ...\n    raise a\n    c[0] = d()",
        "    def g():\n        raise a\n        c()\n    raise b(g)\n    return d",
    ],
)
def test_what_stands_behind_the_error_of_a_stub_is_not_read(body, read):
    """A training that binds such a name is not run for it."""
    assert read("def f(x):\n" + body).later - {"f"} == {"a", "b"}


def test_functions_may_be_nested_deeper_than_calls():
    """One such answer kept the whole class from its feedback."""
    deep = "def f(): return a\ny = " + "lambda: " * 2000 + "b"
    assert names(deep).later in ({"a", "b"}, set())  # not every Python reads so deep
