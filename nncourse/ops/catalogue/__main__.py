"""``python -m nncourse.ops.catalogue`` writes the page of all operations."""

from nncourse.ops.catalogue import GROUPS
from nncourse.ops.catalogue.page import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page(GROUPS), encoding="utf-8")
    print(f"written: {PAGE}")
