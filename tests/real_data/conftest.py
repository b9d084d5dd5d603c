"""What upstream's own figures say must come out."""

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def truths(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "data/truths.json").read_text())
