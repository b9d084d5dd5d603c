"""The benchmark at a tiny size, as a test of correctness: whoever rates the month, the totals are the same.

Nothing here looks at the clock. What the README shows is what the results file says.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.benchmarks import company, table, usage
from tests.benchmarks.landing import land
from tests.benchmarks.measuring import Clock
from tests.benchmarks.variants import VARIANTS

EVENTS = 3_000


@pytest.fixture(scope="module")
def workloads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Both workloads of a small company, landed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(company, "ACCOUNT_COUNT", 200)
        patch.setattr(company, "SIGNED", 60)
        patch.setattr(usage, "SLOTS", 1 << 12)
        folders = {name: tmp_path_factory.mktemp("benchmark") / name for name in ("metered", "payments")}
        for name, folder in folders.items():
            land(folder / "landing", name, EVENTS)
        yield folders


@pytest.fixture(scope="module")
def totals(workloads: dict[str, Path]) -> dict[str, dict[str, object]]:
    """What each variant finds, all in their order."""
    found = {}
    for name, (workload, preparations, work) in VARIANTS.items():
        for prepare in preparations:
            prepare(workloads[workload])
        found[name] = work(workloads[workload], Clock())
    return found


def test_the_month_is_rated_alike_by_ratebook_a_statement_and_a_loop(totals):
    """Lines, quantities, amounts to the cent and to the 24th place, per currency."""
    assert len(totals["month"]) == len(company.CURRENCIES)
    assert totals["month"] == totals["month_in_sql"] == totals["month_in_a_loop"]


def test_the_month_at_once_and_its_last_night_end_alike(totals):
    assert totals["last_night"] == totals["month"]


def test_payments_cost_the_same_fees_by_ratebook_a_statement_and_a_loop(totals):
    assert sum(count for count, *_ in totals["fees"].values()) == EVENTS
    assert totals["fees"] == totals["whole_fees"] == totals["fees_in_sql"] == totals["fees_in_a_loop"]
    assert totals["fees_copied"] == {"rows": EVENTS}


def test_the_bare_scan_reads_every_landed_row(totals, workloads):
    assert int(totals["bare_scan"]["events"]) > EVENTS  # repetitions among them


def test_a_landed_month_is_the_same_on_every_machine(workloads):
    """The draws are whole numbers: what the first day's file says is known."""
    day, events = next(usage.metered_events(EVENTS))
    assert (day, events.height, events["event_id"].n_unique()) == (usage.FIRST_DAY, 101, 100)
    assert events.row(0)[:3] == ("6d627fc0-b73e-4a02-87a7-87a7dda55d32", "acct-000127", "meter-00")
    assert events.row(0)[4] == Decimal("136.000000")


def test_readme_and_profile_show_what_the_results_file_says():
    results = json.loads(table.RESULTS.read_text())
    assert table.table_in(table.README.read_text()) == table.render(results)
    assert table.table_in(table.PROFILE.read_text()) == table.render_profile(results)
