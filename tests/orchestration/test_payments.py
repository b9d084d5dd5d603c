"""Fees of payments through a whole night: blended, interchange-plus with network cost passed through, minimum, report."""

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from orchestration import explain, night, publish
from orchestration.settings import Settings
from tests.orchestration.tiny import put

INTERCHANGE = """{effective_from: 2026-01-01, matrix: {dimensions: [card, region], default: {rate: "0.018"}, cells: [
        {where: {card: credit, region: eu}, rate: "0.003"}, {where: {card: debit, region: eu}, rate: "0.002"}]}}"""
BOOK = """
company: {name: Pay, time_zone: UTC, reporting_currency: EUR}
products: [{id: cards, name: Cards}]
meters:
  - {id: payments, unit: currency, aggregation: sum, value: amount, dimensions: [card, region]}
  - {id: scheme, unit: currency, aggregation: sum, value: amount}
prices:
  - id: blended
    name: Card payments
    product: cards
    meter: payments
    model: percentage
    fee_category: Processing
    currency: EUR
    versions: [{effective_from: 2026-01-01, percentage: {rate: "0.012", fixed: "0.10"}}]
  - id: markup
    name: Markup
    product: cards
    meter: payments
    model: percentage
    fee_category: Processing
    currency: EUR
    versions:
      - {effective_from: 2026-01-01, minimum: "20", percentage: {rate: "0.0045"}}
  - id: item
    name: Gateway
    product: cards
    meter: payments
    model: percentage
    additive: true
    fee_category: Processing
    currency: EUR
    versions: [{effective_from: 2026-01-01, percentage: {rate: "0", fixed: "0.20"}}]
  - id: by_volume
    name: Processing by volume
    product: cards
    meter: payments
    model: volume
    fee_category: Processing
    currency: EUR
    versions:
      - effective_from: 2026-01-01
        tiers: [{up_to: "1000", rate: "0.02"}, {up_to: null, rate: "0.015"}]
  - id: interchange_cost
    product: cards
    meter: payments
    kind: cost
    model: matrix
    group_by: [card, region]
    currency: EUR
    versions: [INTERCHANGE]
  - id: interchange
    name: Interchange
    product: cards
    meter: payments
    passes_through: interchange_cost
    model: matrix
    group_by: [card, region]
    fee_category: Network
    currency: EUR
    versions: [INTERCHANGE]
  - {id: scheme_cost, product: cards, meter: scheme, kind: cost, model: dynamic, currency: EUR, versions: [{effective_from: 2026-01-01}]}
  - id: scheme
    name: Scheme fees
    product: cards
    meter: scheme
    passes_through: scheme_cost
    model: dynamic
    fee_category: Network
    currency: EUR
    versions: [{effective_from: 2026-01-01}]
plans:
  - {id: simple, prices: [blended]}
  - {id: plus, prices: [markup, item, interchange_cost, interchange, scheme_cost, scheme]}
  - {id: large, prices: [by_volume]}
""".replace("INTERCHANGE", INTERCHANGE)
ACCOUNTS = """account_id,name,currency,valid_from
shop,Shop,EUR,2026-01-01
plus,Plus,EUR,2026-01-01
large,Large,EUR,2026-01-01
"""
CONTRACTS = "\n".join(
    f'{{"contract_id": "c_{account}", "account_id": "{account}", "plan": "{plan}", "starts_on": "2026-08-01"}}'
    for account, plan in (("shop", "simple"), ("plus", "plus"), ("large", "large"))
)
EVENTS = """event_id,account_id,meter,occurred_at,amount,currency,card,region
a1,shop,payments,2026-08-03T10:00:00Z,50,EUR,credit,eu
p1,plus,payments,2026-08-03T10:00:00Z,60,EUR,credit,eu
p2,plus,payments,2026-08-04T10:00:00Z,10,EUR,credit,us
n1,plus,scheme,2026-08-03T10:00:00Z,0.0312,EUR,,
n2,plus,scheme,2026-08-04T10:00:00Z,0.0051,EUR,,
v1,large,payments,2026-08-03T10:00:00Z,900,EUR,credit,eu
v2,large,payments,2026-08-04T10:00:00Z,200,EUR,credit,eu
"""
COLUMNS = (
    "fee_category, fee_name, variable_rate, variable_volume_amount, fixed_per_item_amount, fixed_per_item_count, "
    "subtotal"
)
FEES = {
    # 50 × 1.2 % + 0.10
    "shop": [("Processing", "Card payments", "0.012", "50", "0.10", "1", "0.70")],
    # 1,100 in the month pay 1.5 %
    "large": [("Processing", "Processing by volume", "0.015", "1100", "0", "0", "16.50")],
    "plus": [
        # The networks' own: 60 × 0.3 %, 10 × 1.8 %, and 0.0312 + 0.0051, rounded once.
        ("Network", "Interchange (card=credit, region=eu)", "0.003", "60", "0", "0", "0.18"),
        ("Network", "Interchange (card=credit, region=us)", "0.018", "10", "0", "0", "0.18"),
        ("Network", "Scheme fees", "0", "0", "0", "0", "0.04"),
        # 60 × 0.45 % = 0.27 and 10 × 0.45 % = 0.045, each rounded; 0.20 for each of two; 20 less 0.27 less 0.05.
        ("Processing", "Gateway", "0", "0", "0.20", "2", "0.40"),
        ("Processing", "Markup", "0.0045", "70", "0", "0", "0.32"),
        ("Processing", "Markup, minimum", "0", "0", "0", "0", "19.68"),
    ],
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A published night, on the day after the month."""
    home = tmp_path_factory.mktemp("payments")
    put(home, "price_book/2026-08-31/book.yaml", BOOK)
    put(home, "accounts/2026-08-31/accounts.csv", ACCOUNTS)
    put(home, "contracts/2026-08-31/contracts.ndjson", CONTRACTS + "\n")
    put(home, "usage_events/2026-08-31/usage.csv", EVENTS)
    made = Settings(home=home)
    night.run(made, date(2026, 9, 1))
    return made


@pytest.fixture(scope="module")
def database(settings):
    run = publish.published_run(settings)
    with duckdb.connect(run.database, read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("account", sorted(FEES))
def test_the_report_shows_each_fee_with_its_rates_and_what_they_are_of(database, account):
    found = database.execute(
        f"select {COLUMNS} from reports.rpt_payment_fees where account_id = ? and date_month = '2026-08-01' "
        "order by fee_category, fee_name",
        [account],
    ).fetchall()
    expected = [(category, name, *map(Decimal, figures)) for category, name, *figures in FEES[account]]
    assert found == expected


def test_network_cost_is_billed_on_as_it_is_beside_our_own_fees(database):
    """Each pass-through line is the cost line of its price, and nothing else passes through."""
    sums = database.execute(
        "select kind, charge_kind, sum(amount) from marts.fct_line_item where account_id = 'plus' "
        "and (kind = 'cost' or charge_kind = 'pass_through') group by all order by kind"
    ).fetchall()
    assert sums == [("cost", "usage", Decimal("0.40")), ("revenue", "pass_through", Decimal("0.40"))]


def test_a_minimum_fee_counts_none_of_the_network_cost(database):
    """20.00 are due of the markup alone: it, and what is missing, whatever was passed through."""
    (total,) = database.execute(
        "select sum(amount) from marts.fct_line_item where price_id = 'markup' and posting_date < '2026-09-01'"
    ).fetchone()
    assert total == 20


def test_the_golden_interchange_plus_row(database):
    """0.45 % + 0.20 on 60.00: 0.27 and 0.20, two fees beside each other."""
    found = database.execute(
        "select price_id, amount from marts.fct_line_item where account_id = 'plus' and service_date = '2026-08-03' "
        "and price_id in ('markup', 'item') order by price_id"
    ).fetchall()
    assert found == [("item", Decimal("0.20")), ("markup", Decimal("0.27"))]


def test_every_line_is_recomputed_and_agrees(settings, database):
    for (line,) in database.execute("select line_item_id from marts.fct_line_item").fetchall():
        found = explain.explanation(settings, line)
        assert found.agrees, found.as_text()
