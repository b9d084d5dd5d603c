"""Rules of reversals in the chain of the night: what was taken back might as well not have been."""

import polars as pl
import pytest

from data_contracts import Exclusions, Reversals
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, accounts, company, events, meter, on_plan, tiers, versions

ONE_PRICE = {"plan_prices": on_plan("p"), "companies": company(), "account_rows": account()}
TIERS = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    p@1              | 1    | -1          | 10    | 0      | 1           | 5           | 5
    p@1              | 2    | 10          | null  | 10     | 0.5         | 0           | 15
"""
STARTS = {"effective_from_date": "2026-01-01"}
GRADUATED = {"price_versions": versions("price_version_id | price_id | model\n p@1 | p | graduated", **STARTS)}
# 10 % of each payment, the first payment of a month is free.
PERCENTAGE = versions(
    """
    price_version_id | price_id | model      | rate | fixed_amount | free_events | round_at
    p@1              | p        | percentage | 0.10 | 0            | 1           | event
    """,
    **STARTS,
)
EVENTS = """
    event_id | delivery_date | occurred_at      | quantity | source_line
    a        | 2026-08-03    | 2026-08-03T10:00 | 7        | 1
    b        | 2026-08-04    | 2026-08-04T10:00 | 5        | 2
    c        | 2026-08-04    | 2026-08-04T11:00 | 20       | 3
"""
COUNTS = ["service_date", "event_count", "reversed_count", "reversal_count", "quantity", "landed_quantity"]


def reversal(text, **columns):
    """Rows of `reversals` about usage of `acme` on the meter `tokens`, all of the empty source."""
    neutral = {"source": "", "account_id": "acme", "meter": "tokens", "dimensions": "{}", "correction": "reversal"}
    taken = {"reversed_account_id": "acme", "reversed_meter": "tokens", "reversed_dimensions": "{}"}
    return rows(Reversals, text, **{**neutral, **taken, "outcome": "applied", "is_in_force": "false", **columns})


def landed(*rows_, text=EVENTS):
    return events(text.rstrip() + "\n" + "\n".join(rows_))


# r takes back a: it landed a week later, and stands among the events with a time and a quantity of its own.
R = "r | 2026-08-10 | 2026-08-09T10:00 | 0 | 4"
TAKES_A = reversal(
    """
    delivery_date | event_id | reversed_event_id | landed_on  | occurred_at      | quantity | reversed_delivery_date | reversed_occurred_at | reversed_quantity
    2026-08-10    | r        | a                 | 2026-08-10 | 2026-08-09T10:00 | 0        | 2026-08-03             | 2026-08-03T10:00     | 7
    """
)


def run(until="usage_outcomes", *, used, reversals=None, by_delivery=False, **tables):
    if reversals is not None:
        tables["reversals"] = reversals
    given = {**ONE_PRICE, "meters": meter(), "price_tiers": tiers(TIERS), **GRADUATED, **tables}
    return made(until, as_of="2026-08-31", usage_events=used, by_delivery=by_delivery, **given)


@pytest.mark.parametrize("by_delivery", [False, True], ids=["in one part", "each delivery by itself"])
def test_a_delivery_takes_back_in_the_cell_of_the_event_whatever_time_the_reversal_has(by_delivery):
    """The states of 3 and 4 August stay as they were; 10 August adds -7 to 3 August and nothing to 9 August."""
    found = run("usage_states", used=landed(R), reversals=TAKES_A, by_delivery=by_delivery)["usage_states"]
    assert texts(found, ["delivery_date", *COUNTS]) == [
        ("2026-08-03", "2026-08-03", "1", "0", "0", "7", "7"),
        ("2026-08-04", "2026-08-04", "2", "0", "0", "25", "25"),
        ("2026-08-10", "2026-08-03", "-1", "1", "1", "-7", "-7"),
    ]


def test_a_day_shows_what_stands_and_what_was_taken_back():
    days = run("usage_days", used=landed(R), reversals=TAKES_A)["usage_days"]
    assert texts(days, [*COUNTS, "late_event_count"]) == [
        ("2026-08-03", "0", "1", "1", "0", "0", "0"),
        ("2026-08-04", "2", "0", "0", "25", "25", "0"),
    ]


@pytest.mark.parametrize("model", ["graduated", "percentage"])
def test_usage_and_its_reversal_make_the_lines_of_no_usage(model):
    """The flat of tier one falls due on the first day of use, the free payment is the first one: both move on."""
    prices = GRADUATED if model == "graduated" else {"price_versions": PERCENTAGE}
    without = landed(text="\n".join(line for line in EVENTS.splitlines() if " a " not in line))
    found = run(used=landed(R), reversals=TAKES_A, **prices)["line_items"]
    assert found.equals(run(used=without, **prices)["line_items"])
    # 5 units at 1 and the flat of 5, 5 more at 1 and 15 at 0.50; or 20 at 10 %, for the 5 are free now.
    assert texts(found, ["service_date", "amount"]) == [("2026-08-04", "22.5" if model == "graduated" else "2")]


def test_an_amendment_makes_the_lines_as_if_the_event_had_landed_so_at_first():
    used = landed("a2 | 2026-08-10 | 2026-08-03T09:00 | 2 | 4")
    amends = reversal(
        """
        delivery_date | event_id | reversed_event_id | landed_on  | occurred_at      | quantity | reversed_delivery_date | reversed_occurred_at | reversed_quantity
        2026-08-10    | a2       | a                 | 2026-08-10 | 2026-08-03T09:00 | 2        | 2026-08-03             | 2026-08-03T10:00     | 7
        """,
        correction="amendment",
        is_in_force="true",
    )
    at_first = landed(text=EVENTS.replace("2026-08-03T10:00 | 7 ", "2026-08-03T09:00 | 2 "))
    found = run(used=used, reversals=amends)
    assert found["line_items"].equals(run(used=at_first)["line_items"])
    assert texts(found["usage_days"], COUNTS)[0] == ("2026-08-03", "1", "1", "0", "2", "2")


def test_an_amendment_that_waited_counts_from_the_delivery_of_its_event():
    used = events(
        """
        event_id | delivery_date | occurred_at      | quantity
        a2       | 2026-08-04    | 2026-08-03T09:00 | 2
        a        | 2026-08-10    | 2026-08-03T10:00 | 7
        """
    )
    waits = reversal(
        """
        delivery_date | event_id | reversed_event_id | landed_on  | occurred_at      | quantity | outcome | rule                   | is_in_force | reversed_delivery_date | reversed_occurred_at | reversed_quantity | reversed_account_id | reversed_meter | reversed_dimensions
        2026-08-04    | a2       | a                 | 2026-08-04 | 2026-08-03T09:00 | 2        | waiting | reversed_event_unknown | false       | null                   | null                 | null              | null                | null           | null
        2026-08-10    | a2       | a                 | 2026-08-04 | 2026-08-03T09:00 | 2        | applied | null                   | true        | 2026-08-03             | 2026-08-03T10:00     | 7                 | acme                | tokens         | {}
        """,
        correction="amendment",
    )
    states = run("usage_states", used=used, reversals=waits, by_delivery=True)["usage_states"]
    # 4 August brought nothing that counts; 10 August brings a, takes it back, and lets a2 count: 7 - 7 + 2.
    assert texts(states, ["delivery_date", *COUNTS]) == [("2026-08-10", "2026-08-03", "1", "1", "0", "2", "2")]


def test_what_was_taken_back_is_excluded_with_what_did_it_and_all_rows_are_decided():
    outcomes = run(used=landed(R), reversals=TAKES_A)["usage_outcomes"]
    columns = ["kind", "service_date", "outcome", "rule", "event_count", "quantity", "landed_quantity"]
    revenue = [row[1:] for row in texts(outcomes, columns) if row[0] == "revenue"]
    assert revenue == [
        ("2026-08-03", "excluded", "reversed", "2", "0", "7"),
        ("2026-08-04", "priced", "", "2", "25", "25"),
    ]


def test_what_was_taken_back_stays_with_the_bucket_of_its_account():
    used = landed(R).collect()
    both = pl.concat([used, used.with_columns(account_id=pl.lit("beta"), source=pl.lit("beta"))]).lazy()
    of_beta = [pl.lit("beta").alias(name) for name in ("source", "account_id", "reversed_account_id")]
    reversals = pl.concat([TAKES_A, TAKES_A.with_columns(of_beta)])
    two = {"account_rows": accounts("account_id\nacme\nbeta"), "reversals": reversals}
    whole = run(used=both, price_versions=PERCENTAGE, **two)
    parts = run(used=both, price_versions=PERCENTAGE, buckets=[frozenset({"acme"}), frozenset({"beta"})], **two)
    for name in ("rated_events", "line_items", "usage_outcomes"):
        assert whole[name].equals(parts[name])
    assert whole["rated_events"].height == 4


def test_a_reversal_that_waits_is_in_suspense_by_its_id_and_touches_nothing():
    waits = reversal(
        """
        delivery_date | event_id | reversed_event_id | landed_on  | occurred_at      | quantity
        2026-08-10    | r        | z                 | 2026-08-10 | 2026-08-09T10:00 | 0
        """,
        outcome="waiting",
        rule="reversed_event_unknown",
        reversed_account_id=None,
        reversed_meter=None,
        reversed_dimensions=None,
    )
    found = run(used=landed(R), reversals=waits)
    assert found["line_items"].equals(run(used=landed())["line_items"])
    columns = ["kind", "service_date", "rule", "detail", "event_count"]
    suspense = found["usage_outcomes"].filter(outcome="suspense")
    assert texts(suspense, columns) == [
        (kind, "2026-08-09", "reversed_event_unknown", "reversal r of event z", "1") for kind in ("cost", "revenue")
    ]


def test_usage_below_zero_of_a_meter_that_has_none_is_held_by_name():
    """It came while nobody knew the meter; the whole day of the cell waits until it is reversed."""
    used = landed("n | 2026-08-03 | 2026-08-03T12:00 | -3 | 4")
    days = run("usage_days", used=used)["usage_days"]
    held = texts(days, ["service_date", "suspense_rule", "contract_id", "quantity"])
    assert held == [("2026-08-03", "negative_usage", None, "4"), ("2026-08-04", None, "default:acme", "25")]
    takes_n = reversal(
        """
        delivery_date | event_id | reversed_event_id | landed_on  | occurred_at      | quantity | reversed_delivery_date | reversed_occurred_at | reversed_quantity
        2026-08-10    | r        | n                 | 2026-08-10 | 2026-08-09T10:00 | 0        | 2026-08-03             | 2026-08-03T12:00     | -3
        """
    )
    undone = run("usage_days", used=landed("n | 2026-08-03 | 2026-08-03T12:00 | -3 | 4", R), reversals=takes_n)
    assert texts(undone["usage_days"], ["service_date", "suspense_rule", "quantity"])[0] == ("2026-08-03", None, "7")


def test_a_meter_that_allows_it_sums_signed_usage():
    used = landed("n | 2026-08-04 | 2026-08-04T12:00 | -3 | 4")
    days = run("usage_days", used=used, meters=meter(negative="allow"))["usage_days"]
    assert texts(days, ["service_date", "suspense_rule", "quantity"])[1] == ("2026-08-04", None, "22")


def test_excluded_usage_that_was_taken_back_is_reversed_and_not_of_the_rule():
    rules = rows(Exclusions, "exclusion_id | kind | meter | reason\n trial | revenue | tokens | not sold yet")
    outcomes = run(used=landed(R), reversals=TAKES_A, exclusions=rules)["usage_outcomes"].filter(kind="revenue")
    assert texts(outcomes, ["service_date", "rule", "event_count"]) == [
        ("2026-08-03", "reversed", "2"),
        ("2026-08-04", "trial", "2"),
    ]
