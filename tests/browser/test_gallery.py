"""Every widget in both languages and themes, wide and narrow: measured, and kept for the eye.

The pictures go to test-results/gallery/: one of each widget, and the static one beside it.
"""

from __future__ import annotations

import pytest

from nncourse import language, widgets
from tests.browser.gallery import FAULTS, WIDGETS
from tests.browser.jupyterlab import notebook_page, use_theme

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDE, NARROW = 1400, 700


@pytest.fixture(scope="module")
def gallery(pictures):
    folder = pictures / "gallery"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("lang", language.LANGUAGES)
def test_static_pictures(gallery, lang):
    with language.using(lang):
        for name, code in WIDGETS.items():
            *before, last = code.replace("; ", "\n").split("\n")
            names = {"widgets": widgets}
            exec("\n".join(before), names)
            (gallery / f"{name}-static-{lang}.png").write_bytes(eval(last, names).png())


@pytest.mark.parametrize(("lang", "width"), [("ru", WIDE), ("ru", NARROW), ("en", WIDE)])
def test_looks(desk, lab, gallery, lang, width):
    first = f"from nncourse import language, widgets\nlanguage.use({lang!r})"
    codes, viewport = [first, *WIDGETS.values()], {"width": width, "height": 1000}
    with notebook_page(desk, lab, f"gallery-{lang}-{width}", codes, viewport=viewport) as page:
        look_at_all(page, gallery, lang, width)


def look_at_all(page, gallery, lang, width):
    page.evaluate("""() => {
      const app = window.jupyterapp;
      if (!app.shell.leftCollapsed) app.commands.execute('application:toggle-left-area');
    }""")
    size = "wide" if width == WIDE else "narrow"
    faults: dict[str, list[str]] = {}
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        use_theme(page, theme)
        shade = theme.split()[1].lower()
        for k, name in enumerate(WIDGETS):
            scroll = "k => window.jupyterapp.shell.currentWidget.content.scrollToItem(k)"
            page.evaluate(scroll, k + 1)
            widget = page.locator(".jp-Notebook .jp-CodeCell").nth(k + 1).locator(".nnc")
            widget.wait_for(state="visible")
            widget.evaluate("node => node.scrollIntoView({block: 'start'})")
            page.wait_for_timeout(150)
            found = widget.evaluate(FAULTS)
            if found:
                faults[f"{name} {shade}"] = found
            widget.screenshot(path=gallery / f"{name}-{lang}-{shade}-{size}.png")
    told = [f"{name}: {fault}" for name, found in faults.items() for fault in found]
    (gallery / f"faults-{lang}-{size}.txt").write_text("\n".join(told), encoding="utf-8")
    assert told == []
