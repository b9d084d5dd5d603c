"""Amounts per currency in one version (`currencies`), for every charge model: each customer pays by those of his own."""

from decimal import Decimal

import pytest

from data_contracts import LineItems, UsageOutcomes
from orchestration import explain
from orchestration.build import Build
from tests.orchestration.test_explain_models import night
from tests.tables import texts

# What a model says in dollars and in yen, and what 15 units, or a value of 15, come to in each.
MODELS = {
    "flat": ('flat_amount: "9.99"', 'flat_amount: "1100"', "9.99", "1100"),
    "per_unit": ('unit_amount: "0.015"', 'unit_amount: "1.9"', "0.23", "29"),  # 0.225, 28.5
    "graduated": (
        'tiers: [{up_to: "10", unit_amount: "0.5", flat_amount: "1"}, {up_to: null, unit_amount: "0.4"}]',
        'tiers: [{up_to: "12", unit_amount: "50"}, {up_to: null, unit_amount: "40", flat_amount: "9"}]',
        "8",  # 1 + 5 + 2
        "729",  # 600 + 120 + 9: other tiers, too
    ),
    "graduated_percentage": (
        'tiers: [{up_to: "10", rate: "0.1"}, {up_to: null, rate: "0.05", flat_amount: "1"}]',
        'tiers: [{up_to: null, rate: "0.03"}]',
        "2.25",  # 1 + 0.25 + 1
        "0",  # 0.45
    ),
    "volume": (
        'tiers: [{up_to: "10", unit_amount: "1"}, {up_to: null, unit_amount: "0.5", flat_amount: "2"}]',
        'tiers: [{up_to: "20", unit_amount: "100"}, {up_to: null, unit_amount: "50"}]',
        "9.5",
        "1500",
    ),
    "package": ('package: {size: "10", amount: "5"}', 'package: {size: "4", amount: "300"}', "10", "1200"),
    "percentage": (
        'percentage: {rate: "0.029", fixed: "0.30"}',
        'percentage: {rate: "0.032", fixed: "40", min: "41"}',
        "0.74",  # 0.435 + 0.30 = 0.735
        "41",  # 40.48, at least 41
    ),
    "matrix": (
        'matrix: {dimensions: [region], cells: [{where: {region: eu}, unit_amount: "2"}]}',
        'matrix: {dimensions: [region], cells: [{where: {region: us}, unit_amount: "1"}], default: {unit_amount: "300"}}',
        "30",
        "4500",
    ),
    "dynamic": ("", "", "15", "15"),
}
MONEY = ("graduated_percentage", "percentage", "dynamic")
METERS = "".join(
    f"  - {{id: m_{name}, unit: unit, aggregation: sum, dimensions: [region]"
    + (", value: amount" if name in MONEY else "")
    + "}\n"
    for name in MODELS
)
PRICES = "".join(
    f"  - {{id: {name}, product: api, meter: m_{name}, model: {name}, versions: [{{effective_from: 2026-01-01, "
    f"currencies: {{USD: {{{usd}}}, JPY: {{{yen}}}}}}}]}}\n"
    for name, (usd, yen, *_) in MODELS.items()
)
BOOK = f"""
company: {{name: Acme, time_zone: UTC, reporting_currency: USD, default_plan: payg}}
products: [{{id: api, name: API}}]
meters:
{METERS}prices:
{PRICES}plans: [{{id: payg, prices: [{", ".join(MODELS)}]}}]
"""
CURRENCIES = {"us": "USD", "jp": "JPY", "de": "EUR"}
ACCOUNTS = "account_id,name,currency,time_zone,valid_from\n" + "".join(
    f"{account},{account},{currency},UTC,2020-01-01\n" for account, currency in CURRENCIES.items()
)
EVENTS = "event_id,account_id,meter,occurred_at,quantity,amount,currency,region\n" + "".join(
    f"{account}-{name},{account},m_{name},2026-08-03T10:00:00Z,"
    + (f",15,{currency},eu\n" if name in MONEY else "15,,,eu\n")
    for account, currency in CURRENCIES.items()
    for name in MODELS
)
DUE = {(account, name): stated[place] for place, account in ((2, "us"), (3, "jp")) for name, stated in MODELS.items()}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A real night up to the tables as of D, from landed files."""
    return night(tmp_path_factory.mktemp("currencies"), BOOK, EVENTS, ACCOUNTS)


def test_each_customer_pays_by_the_amounts_of_his_currency(build):
    found = build.frame(LineItems).select("account_id", "price_id", "amount", "currency").collect()
    assert {row[:2]: row[2:] for row in texts(found, ["account_id", "price_id", "amount", "currency"])} == {
        (account, name): (amount, CURRENCIES[account]) for (account, name), amount in DUE.items()
    }


@pytest.mark.parametrize(("account", "name"), sorted(DUE))
def test_every_line_is_recomputed_from_its_events_and_agrees(build, account, name):
    found = explain.explained(build, f"default:{account}/{name}@2026-01-01/{{}}/usage/2026-08-03")
    assert found.agrees, found.as_text()
    assert found.amount == Decimal(DUE[account, name])


def test_a_customer_without_amounts_in_his_currency_has_no_price(build):
    waiting = build.frame(UsageOutcomes).collect()
    rules = {
        row["meter"]: row["rule"]
        for row in waiting.to_dicts()
        if row["account_id"] == "de" and row["kind"] == "revenue"
    }
    assert rules == {f"m_{name}": "no_price_in_currency" for name in MODELS}
