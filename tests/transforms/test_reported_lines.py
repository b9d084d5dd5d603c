"""Rules of `amount_reporting`: each line once, at the rate of its posting date, and unknown where there is no rate."""

from decimal import Decimal

import pytest

from data_contracts import Companies, FxRates
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, events, meter, on_plan, tiers, versions

PER_UNIT = """
    price_version_id | price_id | model    | effective_from_date | unit_amount
    p@1              | p        | per_unit | 2026-01-01          | 1
"""
ONE_TIER = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    p@1              | 1    | -1          | null  | 0      | 1           | 0           | 0
"""
THREE_DAYS = """
    event_id | occurred_at      | quantity
    a        | 2026-08-03T10:00 | 100
    b        | 2026-08-05T10:00 | 50
    c        | 2026-08-20T10:00 | 10
"""
RATES = """
    delivery_date | rate_date  | quote_currency | rate
    2026-08-05    | 2026-08-03 | USD            | 1.1196
    2026-08-05    | 2026-08-03 | JPY            | 159.82
    2026-08-05    | 2026-08-05 | USD            | 1.1234
"""


def reported(currency: str = "EUR", fx_rates: str = RATES, used: str = THREE_DAYS, reporting: str = "USD"):
    found = made(
        "line_items",
        as_of="2026-08-31",
        account_rows=account(currency=currency),
        meters=meter(),
        plan_prices=on_plan("p"),
        companies=rows(
            Companies,
            reporting_currency=reporting,
            default_plan_id="payg",
            time_zone="UTC",
            fx_max_age_days="5",
            billing_starts_on="2026-08-01",
        ),
        price_versions=versions(PER_UNIT, currency=currency),
        price_tiers=tiers(ONE_TIER, currency=currency),
        usage_events=events(used),
        fx_rates=rows(FxRates, fx_rates, base_currency="EUR", rate_type="reference"),
    )["line_items"]
    return texts(found, ["service_date", "amount", "amount_reporting", "fx_rate_date"])


def test_a_line_is_reported_at_the_rate_of_its_posting_date():
    assert reported() == [
        ("2026-08-03", "100", "111.96", "2026-08-03"),  # 100 * 1.1196
        ("2026-08-05", "50", "56.17", "2026-08-05"),  # 50 * 1.1234
        ("2026-08-20", "10", None, None),  # the last rate is 15 days old: unknown, never zero
    ]


def test_a_currency_is_crossed_through_the_base_of_the_table():
    assert reported("JPY") == [
        ("2026-08-03", "100", "0.7", "2026-08-03"),  # 100 * 1.1196 / 159.82 = 0.7005
        ("2026-08-05", "50", "0.35", "2026-08-03"),  # the yen has no rate of the 5th: 50 * 1.1196 / 159.82 = 0.3503
        ("2026-08-20", "10", None, None),
    ]


def test_an_amount_in_the_reporting_currency_needs_no_rate():
    assert reported("USD", fx_rates="") == [
        ("2026-08-03", "100", "100", None),
        ("2026-08-05", "50", "50", None),
        ("2026-08-20", "10", "10", None),
    ]


@pytest.mark.parametrize(
    ("corrected", "amount"),
    [
        pytest.param("2026-08-09 | 2026-08-03 | USD | 1.12", "112", id="F55 a later delivery corrects the open month"),
        pytest.param("2026-08-04 | 2026-08-03 | USD | 1.12", "111.96", id="an earlier one was corrected already"),
    ],
)
def test_a_corrected_rate_changes_lines_of_an_open_month(corrected: str, amount: str):
    assert reported(fx_rates=f"{RATES}{corrected}\n")[0][2] == amount


def test_a_reported_amount_has_the_minor_unit_of_the_reporting_currency():
    assert [line[2] for line in reported(reporting="JPY")] == ["15982", "7991", None]  # 100 and 50 * 159.82


def test_a_sum_of_reported_lines_is_within_half_a_minor_unit_a_line_of_the_reported_sum():
    """I23: 20 lines of 0.01 EUR at 1.1196 are 20 times 0.01 USD; the sum, 0.20 EUR, would be 0.22 USD."""
    days = "".join(f"    e{day} | 2026-08-{day:02} | 0.01\n" for day in range(3, 23))
    rates = "delivery_date | rate_date | quote_currency | rate\n" + "".join(
        f"2026-08-22 | 2026-08-{day:02} | USD | 1.1196\n" for day in range(3, 23)
    )
    found = reported(fx_rates=rates, used=f"event_id | occurred_at | quantity\n{days}")
    total = sum(Decimal(line[2]) for line in found)
    assert (len(found), total) == (20, Decimal("0.20"))
    assert abs(total - Decimal("0.20") * Decimal("1.1196")) <= 20 * Decimal("0.005")
