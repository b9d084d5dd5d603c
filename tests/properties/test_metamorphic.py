"""What may be changed in the input without changing the money, and what changes it by a known rule.

`RATEBOOK_PROPERTY_COMPANIES` sets how many companies are drawn for each rule (2 by default, hundreds as the long run).
"""

import os
import random
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from data_contracts import RatedEvents
from tests.properties.companies import ACCOUNTS, DELIVERIES, Company, Row, companies

EXAMPLES = int(os.environ.get("RATEBOOK_PROPERTY_COMPANIES", "2"))
MADE = ("priced_usage", "rated_events", "line_items", "usage_outcomes")
OF_DELIVERY = ("delivery_date", "first_delivery_date")

few = settings(max_examples=EXAMPLES, deadline=None, print_blob=True)


def assert_same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame], tables: Iterable[str] = MADE) -> None:
    for name in tables:
        assert_frame_equal(one[name], other[name], check_exact=True)


@few
@given(companies(), st.integers(0, 1000))
def test_the_order_of_rows_says_nothing(company: Company, seed: int):
    shuffled = {
        name: table.collect().sample(fraction=1, shuffle=True, seed=seed).lazy()
        for name, table in company.tables().items()
    }
    assert_same(company.night(), company.night(**shuffled))


@few
@given(companies(), st.randoms(use_true_random=False))
def test_it_does_not_matter_which_delivery_brought_usage_nor_whether_deliveries_are_counted_one_by_one(
    company: Company, chance: random.Random
):
    spread = company.with_events(lambda _, row: [row | {"delivery_date": chance.choice(DELIVERIES)}])
    expected, found = company.night(), spread.night(by_delivery=True)
    for name in MADE:
        without = [column for column in OF_DELIVERY if column in expected[name].columns]
        assert_frame_equal(expected[name].drop(without), found[name].drop(without), check_exact=True)


@few
@given(companies(), st.sampled_from(ACCOUNTS))
def test_an_account_costs_what_it_costs_whatever_the_others_use(company: Company, account: str):
    alone = company.with_events(lambda _, row: [row] if row["account_id"] == account else [])
    together, by_itself = (night["line_items"].filter(account_id=account) for night in (company.night(), alone.night()))
    assert_frame_equal(together, by_itself, check_exact=True)


@few
@given(companies())
def test_both_engines_of_polars_give_equal_tables(company: Company):
    assert_same(company.night(engine="in-memory"), company.night(engine="streaming"))


@few
@given(companies())
def test_buckets_of_payers_put_together_are_the_whole(company: Company):
    whole = company.night()
    payers = dict(whole["accounts"].select("account_id", "payer_id").rows())
    named = {*payers, *(row["account_id"] for row in company.events)}
    buckets = [
        frozenset(account for account in named if payers.get(account, account) == payer)
        for payer in sorted({payers.get(account, account) for account in named})
    ]
    assert_same(whole, company.night(buckets=buckets))


@few
@given(companies())
def test_duplicates_and_conflicts_add_nothing(company: Company):
    columns = [name for name in company.events[0] if name != "delivery_date"]
    again = tuple(
        {name: row[name] for name in columns}
        | {"delivery_date": "2026-09-06", "source_file": outcome, "source_line": number, "outcome": outcome}
        for number, row in enumerate(company.events)
        for outcome in ("duplicate", "conflict")
    )
    assert_same(company.night(), replace(company, repeated=again).night())


@few
@given(companies())
def test_a_quantity_used_in_two_halves_costs_what_it_costs_at_once(company: Company):
    """Sums only: a count counts events, and a fee is due for each of them."""

    def halved(_: int, row: Row) -> list[Row]:
        if row["meter"] in ("calls", "payments"):
            return [row]
        part = (row["quantity"] / 2).quantize(Decimal("1E-12"))
        return [row | {"quantity": part}, row | {"event_id": row["event_id"] + "b", "quantity": row["quantity"] - part}]

    assert_same(company.night(), company.with_events(halved).night(), ["line_items"])


TENFOLD = ("unit_amount", "flat_amount", "base_amount", "rate", "fixed_amount", "minimum_fee", "maximum_fee")


@few
@given(companies())
def test_ten_times_the_price_is_ten_times_the_exact_amount(company: Company):
    def dearer(table: tuple[Row, ...]) -> tuple[Row, ...]:
        return tuple(row | {name: row[name] * 10 for name in TENFOLD if row.get(name) is not None} for row in table)

    at_ten = replace(company, versions=dearer(company.versions), tiers=dearer(company.tiers))
    one, ten = (
        night["line_items"].select("line_item_id", "amount_exact") for night in (company.night(), at_ten.night())
    )
    assert one["line_item_id"].to_list() == ten["line_item_id"].to_list()
    for single, tenfold in zip(one["amount_exact"], ten["amount_exact"], strict=True):
        # Each product is correct to 24 places, so ten times one may be off by ten halves of the last of them.
        assert abs(single * 10 - tenfold) <= Decimal("2E-23")


@few
@given(companies())
def test_ids_are_names_and_nothing_more(company: Company):
    """Every account, contract and price gets another name, in another order of the alphabet."""

    def renamed(value: str | None) -> str | None:
        return None if value is None else "".join(chr(219 - ord(each)) if each.islower() else each for each in value)

    ids = ("account_id", "parent_account_id", "payer_id", "contract_id", "price_id", "price_version_id")
    names = {
        row[name]
        for table in (company.accounts, company.contracts, company.versions, company.events)
        for row in table
        for name in ids
        if row.get(name)
    }
    new = {name: renamed(name) for name in names}

    def other(table: tuple[Row, ...]) -> tuple[Row, ...]:
        return tuple(row | {name: new.get(row[name], row[name]) for name in ids if name in row} for row in table)

    twin = Company(
        *(
            other(table)
            for table in (company.accounts, company.contracts, company.versions, company.tiers, company.events)
        )
    )
    by_names = ["account_id", "price_version_id", "service_date"]
    expected = company.night()["line_items"].drop("line_item_id", "contract_id")
    found = twin.night()["line_items"].drop("line_item_id", "contract_id")
    old = {value: key for key, value in new.items()}
    back = found.with_columns(pl.col(name).replace(old) for name in ids if name in found.columns)
    assert_frame_equal(expected.sort(by_names), back.sort(by_names), check_exact=True)


@few
@given(companies(models=("graduated", "per_unit")))
def test_a_tier_cut_in_two_at_the_same_price_is_the_same_tier(company: Company):
    def cut(piece: Row) -> list[Row]:
        """The open tier of a graduated price, cut at 50 above its offset, without a flat of its own."""
        if piece["up_to"] is not None:
            return [piece]
        bound = piece["offset"] + 50
        upper = piece | {
            "tier": piece["tier"] + 1,
            "lower_bound": bound,
            "offset": bound,
            "flat_amount": Decimal(0),
            "base_amount": piece["base_amount"] + 50 * piece["unit_amount"],
        }
        return [piece | {"up_to": bound}, upper]

    graduated = tuple(row | {"model": "graduated"} if row["model"] == "per_unit" else row for row in company.versions)
    plain = replace(company, versions=graduated)
    finer = replace(plain, tiers=tuple(half for piece in plain.tiers for half in cut(piece)))
    one, two = plain.night()["line_items"], finer.night()["line_items"]
    assert one["line_item_id"].to_list() == two["line_item_id"].to_list()
    for whole, halves in zip(one["amount_exact"], two["amount_exact"], strict=True):
        assert abs(whole - halves) <= Decimal("3E-24"), "each product is correct to 24 places"


@few
@given(companies(models=("graduated", "per_unit")))
def test_more_usage_never_costs_less_under_graduated_and_per_unit_prices(company: Company):
    """Not so under volume, whose 1,001st unit gives money back: see test_line_items."""
    assert (company.night()["line_items"]["amount_exact"] >= 0).all()


@few
@given(companies())
def test_a_later_night_says_the_same_of_what_was_known(company: Company):
    """Without a new delivery the lines of August are on 10 September what they will be on 20 October."""
    first_of_september = pl.date(2026, 9, 1)
    nights = (company.night(), company.night(as_of="2026-10-20"))
    on_time, later = (night["line_items"].filter(pl.col("service_date") < first_of_september) for night in nights)
    assert_frame_equal(on_time, later, check_exact=True)


@few
@given(companies())
def test_an_event_has_a_fee_of_its_own_price_only(company: Company):
    rated = company.night()["rated_events"]
    assert rated.select(RatedEvents.keys).is_unique().all()
    assert set(rated["price_id"]) <= {"f"}
