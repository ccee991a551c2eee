"""The guide for refused deliveries leaves no verdict out."""

from __future__ import annotations

import re

import pytest

from hookctl.model import Diagnosis, Reason
from tests.docs.pages import DOCS

GUIDE = (DOCS / "debug-a-401.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", [Reason, Diagnosis])
def test_it_explains_each(kind: type[Reason | Diagnosis]) -> None:
    _, _, table = GUIDE.partition(f"| {kind.__name__.lower()} |")
    rows = re.findall(r"^\| ([^|]+) \|", table.partition("\n\n")[0], re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert explained == {str(one) for one in kind}
