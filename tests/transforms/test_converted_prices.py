"""Rules of prices in another currency than the contract: refused by default, converted where the price says so."""

import polars as pl
import pytest

from data_contracts import Companies, FxRates
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, events, meter, on_plan, tiers, versions

PER_UNIT = """
    price_version_id | price_id | model    | effective_from_date | unit_amount
    p@1              | p        | per_unit | 2026-01-01          | 0.0049
"""
ONE_TIER = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    p@1              | 1    | -1          | null  | 0      | 0.0049      | 0           | 0
"""
GRADUATED = """
    price_version_id | price_id | model     | effective_from_date
    p@1              | p        | graduated | 2026-01-01
"""
GRADUATED_TIERS = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    p@1              | 1    | -1          | 1000  | 0      | 0.010       | 5           | 5
    p@1              | 2    | 1000        | null  | 1000   | 0.008       | 3           | 18
"""
PERCENTAGE = """
    price_version_id | price_id | model      | effective_from_date | rate  | fixed_amount | round_at
    p@1              | p        | percentage | 2026-01-01          | 0.029 | 0.30         | event
"""
RATES = """
    delivery_date | rate_date  | quote_currency | rate
    2026-08-05    | 2026-08-03 | USD            | 1.25
    2026-08-05    | 2026-08-03 | JPY            | 160
    2026-08-05    | 2026-08-03 | KWD            | 0.375
    2026-08-05    | 2026-08-04 | USD            | 1.2
    2026-08-05    | 2026-08-04 | JPY            | 150
    2026-08-05    | 2026-08-04 | KWD            | 0.36
"""
TWO_DAYS = """
    event_id | occurred_at      | quantity
    a        | 2026-08-03T10:00 | 1000
    b        | 2026-08-04T10:00 | 500
"""
COLUMNS = ["service_date", "quantity", "amount_exact", "amount", "currency", "price_currency", "price_rate_date"]


def night(prices: str, price_tiers: str = "", *, currency: str, convert: bool = True, fx_rates: str = RATES, **given):
    tables = {
        "account_rows": account(currency=currency),
        "meters": meter(),
        "plan_prices": on_plan("p"),
        "companies": rows(
            Companies,
            reporting_currency="USD",
            default_plan_id="payg",
            time_zone="UTC",
            fx_max_age_days="2",
            billing_starts_on="2026-08-01",
        ),
        "price_versions": versions(prices, currency="USD", is_converted="true" if convert else "false"),
        "price_tiers": tiers(price_tiers),
        "usage_events": events(TWO_DAYS),
        "fx_rates": rows(FxRates, fx_rates, base_currency="EUR", rate_type="reference"),
        **given,
    }
    return made("findings", as_of="2026-08-31", **tables)


def lines(*given, **tables) -> list[tuple[str | None, ...]]:
    return texts(night(*given, **tables)["line_items"], COLUMNS)


def suspense(made_tables) -> list[tuple[str | None, ...]]:
    waiting = made_tables["usage_outcomes"].filter((pl.col("kind") == "revenue") & (pl.col("outcome") == "suspense"))
    return texts(waiting, ["service_date", "rule", "event_count", "quantity"])


def test_f46_a_price_in_another_currency_is_no_price_unless_it_names_a_conversion():
    found = night(PER_UNIT, ONE_TIER, currency="EUR", convert=False)
    assert suspense(found) == [
        ("2026-08-03", "no_price_in_currency", "1", "1000"),
        ("2026-08-04", "no_price_in_currency", "1", "500"),
    ]


def test_a_price_is_converted_at_the_rate_of_the_service_date():
    assert lines(PER_UNIT, ONE_TIER, currency="EUR") == [
        ("2026-08-03", "1000", "3.92", "3.92", "EUR", "USD", "2026-08-03"),  # 1000 * 0.0049 = 4.90 / 1.25
        # 500 * 0.0049 = 2.45 / 1.2 = 2.041666…; running 3.92, 5.961666… -> 5.96
        ("2026-08-04", "500", "2.041666666666666666666667", "2.04", "EUR", "USD", "2026-08-04"),
    ]


@pytest.mark.parametrize(
    ("currency", "amounts"),
    [
        # 4.90 * 160 / 1.25 = 627.2, then 2.45 * 150 / 1.2 = 306.25: running 627.2 -> 627, 933.45 -> 933
        pytest.param("JPY", ["627", "306"], id="yen: no decimals"),
        # 4.90 * 0.375 / 1.25 = 1.47, then 2.45 * 0.36 / 1.2 = 0.735: running 1.47, 2.205
        pytest.param("KWD", ["1.47", "0.735"], id="dinars: three decimals"),
    ],
)
def test_the_running_total_is_rounded_in_the_contract_s_currency(currency: str, amounts: list[str]):
    assert [line[3] for line in lines(PER_UNIT, ONE_TIER, currency=currency)] == amounts


def test_tiers_count_in_the_units_of_the_price():
    """1000 units are 15.00 USD, 1500 are 22.00 (semantics, golden tiers): 15.00 / 1.25 = 12, 7.00 / 1.2 = 5.8333."""
    assert [line[3] for line in lines(GRADUATED, GRADUATED_TIERS, currency="EUR")] == ["12", "5.83"]


def test_a_fee_per_event_is_converted_and_rounded_by_itself():
    """1000 * 0.029 + 0.30 = 29.30 USD / 1.25 = 23.44 EUR; 500 * 0.029 + 0.30 = 14.80 / 1.2 = 12.3333."""
    found = night(
        PERCENTAGE,
        currency="EUR",
        meters=meter(value="amount"),
        usage_events=events(
            """
            event_id | occurred_at      | quantity | amount | value_currency
            a        | 2026-08-03T10:00 | 1        | 1000   | USD
            b        | 2026-08-04T10:00 | 1        | 500    | USD
            """
        ),
    )
    assert [line[3] for line in texts(found["line_items"], COLUMNS)] == ["23.44", "12.33"]
    assert texts(found["rated_events"], ["amount_exact", "currency", "amount", "billing_currency"]) == [
        ("29.3", "USD", "23.44", "EUR"),
        ("14.8", "USD", "12.33", "EUR"),
    ]


def test_f55_usage_on_a_day_without_a_rate_waits_by_name_and_the_rest_is_billed():
    used = TWO_DAYS + "    c | 2026-08-20T10:00 | 70\n"
    found = night(PER_UNIT, ONE_TIER, currency="EUR", usage_events=events(used))
    assert suspense(found) == [("2026-08-20", "no_exchange_rate", "1", "70")]
    assert [line[0] for line in texts(found["line_items"], COLUMNS)] == ["2026-08-03", "2026-08-04"]


def test_another_customer_of_the_price_in_its_own_currency_needs_no_rate():
    assert [line[3:] for line in lines(PER_UNIT, ONE_TIER, currency="USD", fx_rates="")] == [
        ("4.9", "USD", "USD", None),
        ("2.45", "USD", "USD", None),
    ]


def test_f55_a_converted_price_without_usage_and_without_a_rate_is_named():
    """Tier one's flat of 5.00 USD is due on 1 August, and the first rate is of the 3rd."""
    found = night(GRADUATED, GRADUATED_TIERS, currency="EUR", usage_events=events("event_id"))
    assert found["line_items"].is_empty()
    assert texts(found["findings"], ["rule", "subject", "currency", "first_date", "line_count", "amount"]) == [
        ("no_exchange_rate", "USD in EUR", "EUR", "2026-08-01", "1", None)
    ]


def test_f55_a_corrected_rate_moves_a_converted_line_of_an_open_month():
    corrected = RATES + "    2026-08-09 | 2026-08-03 | USD | 1.4\n"
    assert lines(PER_UNIT, ONE_TIER, currency="EUR", fx_rates=corrected)[0][3] == "3.5"  # 4.90 / 1.4


def test_what_comes_to_10_13_in_the_contract_s_currency_waits():
    """10^12 units are 4.9 * 10^9 USD and 6.27 * 10^11 JPY; 10^14 units would be 6.27 * 10^13 JPY."""
    used = "event_id | occurred_at | quantity\n a | 2026-08-03T10:00 | 100000000000000"
    found = night(
        PER_UNIT,
        ONE_TIER,
        currency="JPY",
        usage_events=events(used),
        price_versions=versions(PER_UNIT, currency="USD", is_converted="true", quantity_limit="2000000000000000"),
    )
    assert suspense(found) == [("2026-08-03", "amount_bound", "1", "100000000000000")]
