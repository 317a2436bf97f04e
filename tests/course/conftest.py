"""A small course in a temporary folder, built once for all tests that only look at it."""

from pathlib import Path

import pytest

from nncourse.course import build as builder
from nncourse.course.files import Course

FRONT = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3 (ipykernel), language: python, name: python3}
nncourse:
  title: {ru: "Проба", en: "Trial"}
---
"""

LECTURE = (
    FRONT
    + """
+++ {"lang": "ru"}

# Проба

Квадрат числа: $x^2$.

+++ {"lang": "en"}

# Trial

The square of a number: $x^2$.

```{code-cell} ipython3
:lang: ru
print("квадрат:", 7**2)  # считаем
```

```{code-cell} ipython3
:lang: en
print("square:", 7**2)  # compute
```

```{code-cell} ipython3
import numpy as np
np.arange(3)
```
"""
)

EXERCISE = (
    FRONT
    + """
+++ {"lang": "ru"}

# Упражнение

+++ {"lang": "en"}

# Exercise

```{code-cell} ipython3
:nbgrader: {kind: solution, id: double}
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
```

```{code-cell} ipython3
:nbgrader: {kind: tests, id: test_double, points: 3}
assert double(2) == 4
```
"""
)


@pytest.fixture
def small_course(tmp_path: Path) -> Course:
    """A course with one lecture and one exercise, not built."""
    return write_course(tmp_path)


@pytest.fixture(scope="session")
def built_course(tmp_path_factory) -> Course:
    """The same, built. Not to be changed."""
    course = write_course(tmp_path_factory.mktemp("course"))
    builder.build(course, say=lambda line: None)
    return course


def write_course(root: Path) -> Course:
    for folder in ("lectures", "solutions", "exercises"):
        (root / folder).mkdir()
    (root / "lectures" / "01-trial.md").write_text(LECTURE, encoding="utf-8")
    (root / "solutions" / "ps01-trial.md").write_text(EXERCISE, encoding="utf-8")
    return Course(root)
