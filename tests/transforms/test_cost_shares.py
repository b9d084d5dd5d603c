"""Provider cost reaches accounts whole: directly, by usage, or visibly not."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import Companies, CostMeters, Costs, CostShares, Currencies, ExchangeRates, UsageDays
from data_contracts.validation import validate
from tests.tables import rows, texts
from transforms.cost_shares import cost_shares as built

METERS = rows(CostMeters, "mapping_id | meter\ngpu | tokens\ngpu | calls")
FOUND = ["charge_date", "allocation_method", "account_id", "weight", "pool_weight", "billed_cost"]

COMPANY = rows(Companies, reporting_currency="USD")
CURRENCIES = rows(Currencies, "currency | minor_units\nUSD | 2\nEUR | 2")
# 1 EUR is 1.1196 USD on the fifth; of the seventh no rate is known.
RATES = rows(
    ExchangeRates,
    """
    currency | target_currency | rate_date_for | rate_date  | numerator | denominator
    EUR      | USD             | 2026-07-05    | 2026-07-03 | 1.1196    | 1
    """,
)


def cost_shares(costs, usage_days, cost_meters):
    return built(costs, usage_days, cost_meters, RATES, COMPANY, CURRENCIES)


def charges(text: str, **more: str):
    fixed = {
        "provider_name": "AWS",
        "billing_account_id": "b",
        "billing_period_start": "2026-07-01",
        "mapping_id": "gpu",
        "product_id": "api",
        "account_id": "null",
        "allocation_method": "usage",
        "charge_date": "2026-07-05",
        "charge_end_date": "2026-07-06",
        "currency": "USD",
    }
    header = [cell.strip() for cell in text.strip().splitlines()[0].split("|")]
    return rows(Costs, text, **{name: value for name, value in (fixed | more).items() if name not in header})


USED = rows(
    UsageDays,
    """
    account_id | meter  | service_date | quantity
    ant        | tokens | 2026-07-05   | 1
    ant        | calls  | 2026-07-05   | 1
    bee        | tokens | 2026-07-05   | 1
    bee        | other  | 2026-07-05   | 90
    cat        | tokens | 2026-07-06   | 5
    dog        | tokens | 2026-07-05   | 0
    """,
)


def test_a_shared_cost_follows_the_usage_of_its_meters_on_its_own_days():
    found = cost_shares(charges("billed_cost | list_cost\n1 | 2\n0 | null"), USED, METERS)
    assert texts(found, [*FOUND, "list_cost", "charge_count"]) == [
        # 1 · 2/3 and 1 · 1/3 at twelve places; of the list cost one charge does not say, so nobody knows it.
        ("2026-07-05", "usage", "ant", "2", "3", "0.666666666667", None, "2"),
        ("2026-07-05", "usage", "bee", "1", "3", "0.333333333333", None, "2"),
    ]


def test_a_charge_over_several_days_is_shared_by_the_usage_of_all_of_them():
    found = cost_shares(charges("billed_cost\n80", charge_end_date="2026-07-07"), USED, METERS)
    assert texts(found, ["account_id", "weight", "billed_cost"]) == [
        ("ant", "2", "20"),
        ("bee", "1", "10"),
        ("cat", "5", "50"),
    ]


def test_f93_a_pool_that_nobody_used_stays_whole():
    found = cost_shares(charges("billed_cost\n7", charge_date="2026-07-09", charge_end_date="2026-07-10"), USED, METERS)
    assert texts(found, FOUND) == [("2026-07-09", "unallocated", "unallocated", None, None, "7")]


def test_costs_of_one_account_and_of_none_are_added_up_as_they_are():
    found = cost_shares(
        charges(
            """
            mapping_id | product_id | account_id | allocation_method | billed_cost | effective_cost
            own        | api        | ant        | direct            | 3           | 2
            own        | api        | ant        | direct            | -1          | -1
                       | unmapped   | unmapped   | unmapped          | 0.5         | 0
            """
        ),
        USED,
        METERS,
    )
    assert texts(found, ["mapping_id", "allocation_method", "account_id", "billed_cost", "effective_cost"]) == [
        ("", "unmapped", "unmapped", "0.5", "0"),
        ("own", "direct", "ant", "2", "1"),
    ]


def test_a_share_is_read_in_the_reporting_currency_at_the_rate_of_its_day():
    found = cost_shares(
        charges(
            """
            billed_cost    | currency | charge_date | account_id | allocation_method
            0.000000000003 | EUR      | 2026-07-05  | ant        | direct
            100            | EUR      | 2026-07-07  | ant        | direct
            100            | USD      | 2026-07-07  | ant        | direct
            10000000000    | USD      | 2026-07-08  | ant        | direct
            """,
            charge_end_date="2026-07-09",
        ),
        USED,
        METERS,
    )
    assert texts(found, ["billed_cost_reporting", "fx_rate_date"]) == [
        ("0.000000000003", "2026-07-03"),  # 0.0000000000033588 at twelve places
        (None, None),  # no rate is no amount, never zero
        ("100", None),
        (None, None),  # too large to be sure that it fits in every currency
    ]


amounts = st.decimals(-(10**9), 10**9, places=12)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(amounts, st.sampled_from(["usage", "direct", "unmapped"]), st.integers(1, 9)), min_size=1, max_size=12
    ),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 9), st.integers(-5, 50)), max_size=20),
)
def test_i6_shares_sum_to_what_was_billed_per_day_and_currency(billed, used):
    by_key = {(account, day): quantity for account, day, quantity in used}
    costs = charges(
        "billed_cost | allocation_method | account_id | charge_date | charge_end_date | currency\n"
        + "\n".join(
            f"{cost:f} | {method} | {'null' if method == 'usage' else 'x'} | 2026-07-0{day} | 2026-07-{day + 1:02d} | "
            f"{'USD' if day % 2 else 'EUR'}"
            for cost, method, day in billed
        )
    )
    usage = (
        rows(
            UsageDays,
            "account_id | meter | service_date | quantity\n"
            + "\n".join(
                f"{account} | tokens | 2026-07-0{day} | {quantity}" for (account, day), quantity in by_key.items()
            ),
        )
        if by_key
        else rows(UsageDays)
    )
    found = validate(CostShares, cost_shares(costs, usage, METERS).collect())
    keys = ["charge_date", "currency"]
    summed = found.group_by(keys).agg(pl.col("billed_cost").sum()).sort(keys)
    assert summed.equals(costs.collect().group_by(keys).agg(pl.col("billed_cost").sum()).sort(keys))
    assert found.filter(pl.col("weight") <= 0).is_empty()
