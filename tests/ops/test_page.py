"""The page of operations says what the catalogue says."""

from nncourse.ops.catalogue import GROUPS, OPERATIONS
from nncourse.ops.catalogue.page import PAGE, page


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == page(GROUPS), (
        "write it anew: python -m nncourse.ops.catalogue"
    )


def test_every_operation_has_a_row_with_its_formula():
    rows = [line for line in page(GROUPS).splitlines() if line.startswith("| `")]
    assert len(rows) == len(OPERATIONS)
    for operation, row in zip(OPERATIONS, rows, strict=True):
        _, name, kind, formula, peer, _ = row.replace(r"\|", "/").split("|")
        assert name.strip() == f"`{operation.name}`".replace("|", "/")
        assert kind.strip() in ("elementary", "fused", "composed")
        assert "=" in formula or kind.strip() == "composed", f"no formula: {row}"
        assert peer.strip()
