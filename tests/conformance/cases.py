"""The cases that other systems state themselves: what was priced, what was used, what came out."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

FOLDER = "conformance"


@dataclass(frozen=True)
class Case:
    """One stated result. `number` is its place among all cases by id: the name of its account."""

    number: int
    id: str
    eval: str | None
    kind: str
    price: dict[str, Any]
    input: dict[str, Any]
    expected: dict[str, Any]
    currency: str
    flag: str | None

    @property
    def account_id(self) -> str:
        """Return the account that uses what the case uses, under a plan of the same name."""
        return f"case_{self.number:03d}"


def read_cases(shared: Path) -> list[Case]:
    """Read every case, ordered by id."""
    rows = [row for path in sorted((shared / FOLDER).glob("*.json")) for row in json.loads(path.read_text("utf-8"))]
    return [
        Case(
            number,
            row["id"],
            row["eval"],
            row["kind"],
            row["price"],
            row["input"],
            row["expected"],
            row["currency"],
            row.get("flag"),
        )
        for number, row in enumerate(sorted(rows, key=lambda row: row["id"]), start=1)
    ]


def another_last_digit(value: Decimal) -> Decimal:
    """Return the value with one digit changed: what a reproduced case must not agree with."""
    sign, digits, exponent = value.as_tuple()
    return Decimal((sign, (*digits[:-1], (digits[-1] + 1) % 10), exponent))
