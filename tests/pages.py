"""Pages that tests run: their commands (`sh`) and what these answer (`answer`), in order."""

import re
from pathlib import Path

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return (kind, text) of the blocks of a page that are run or compared."""
    return [(kind, text) for kind, text in BLOCK.findall(page.read_text()) if kind in ("sh", "answer")]
