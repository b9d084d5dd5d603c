"""What became of each case: the lane that answers it, and how. One row per case in outcomes.csv."""

import csv
from pathlib import Path

OUTCOMES = Path(__file__).parent / "outcomes.csv"
NIGHT, FUNCTION, LATER, NONE = "night", "function", "later", "none"
REPRODUCED, DIFFERENT = "reproduced", "different"


def read_outcomes() -> dict[str, dict[str, str]]:
    """Read the rows by the id of their case."""
    with OUTCOMES.open(newline="", encoding="utf-8") as file:
        return {row["case_id"]: row for row in csv.DictReader(file)}
