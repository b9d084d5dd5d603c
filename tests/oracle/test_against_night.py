"""The engine against the oracle: random worlds landed as files, taken in, priced, and compared line by line.

A night prices a company of several small worlds, on one of the two engines of Polars. `RATEBOOK_ORACLE_WORLDS` sets how
many companies are drawn (4 by default); of a company that differs, the smallest part that still does is shown as files.
The long run is `python -m tests.oracle`.
"""

import os

import pytest

from tests.oracle.engine import ENGINES, company, differences
from tests.oracle.reduction import reduced
from tests.oracle.worlds import landing_files

COMPANIES = int(os.environ.get("RATEBOOK_ORACLE_WORLDS", "3"))
FIRST = int(os.environ.get("RATEBOOK_ORACLE_SEED", "0"))


@pytest.mark.parametrize("number", range(FIRST, FIRST + COMPANIES))
def test_every_line_and_every_outcome_is_the_oracles(number):
    world, engine = company(number), ENGINES[number % 2]
    if not differences(world, engine):
        return
    smallest = reduced(world, lambda smaller: bool(differences(smaller, engine)))
    files = "\n".join(f"--- {name}\n{text}" for name, text in landing_files(smallest).items())
    pytest.fail(f"D {smallest.as_of}\n{files}\n" + "\n".join(differences(smallest, engine)), pytrace=False)
