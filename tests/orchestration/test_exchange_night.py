"""A night with customers in five currencies and prices in one: converted, billed, reported, explained, and tied out."""

from datetime import date
from decimal import Decimal

import pytest

from tests.orchestration.tiny import put
from tests.real_data.nights import assert_everything_ties_out, run_night

DAY = date(2026, 9, 30)
BOOK = """\
company: {name: Acme, reporting_currency: USD, default_plan: payg, fx: {rule: last_known, max_age_days: 3}}
products: [{id: api, name: API}]
meters:
  - {id: tokens, unit: token, aggregation: sum}
  - {id: payments, unit: currency, aggregation: sum, value: amount}
prices:
  - id: tokens
    product: api
    meter: tokens
    model: graduated
    currency: USD
    convert: service_date
    versions:
      - effective_from: 2026-01-01
        tiers: [{up_to: "1000", unit_amount: "0.010", flat_amount: "5"}, {up_to: null, unit_amount: "0.008"}]
  - id: cards
    product: api
    meter: payments
    model: percentage
    currency: USD
    convert: service_date
    versions: [{effective_from: 2026-01-01, percentage: {rate: "0.029", fixed: "0.30"}}]
plans: [{id: payg, prices: [tokens, cards]}]
"""
ACCOUNTS = """\
account_id,name,currency,valid_from
dollar,A,USD,2026-09-01
euro,B,EUR,2026-09-01
yen,C,JPY,2026-09-01
dinar,D,KWD,2026-09-01
unidad,E,CLF,2026-09-01
"""
# The bank has no unidad de fomento, so a table of our own says what a dollar costs in it.
ECB = """\
Date,USD,JPY,KWD,
2026-09-04,1.2,150,0.36,
2026-09-03,1.25,160,N/A,
2026-09-02,1.25,160,0.375,
2026-09-01,1.25,160,0.375,
"""
OWN = "rate_date,base_currency,quote_currency,rate\n" + "".join(f"2026-09-0{day},USD,CLF,0.0243\n" for day in (1, 4))
USAGE = [
    f"{name}-{number},{name},{meter},2026-09-0{day}T12:00:00Z,{quantity},{amount},{currency}"
    for name in ("dollar", "euro", "yen", "dinar", "unidad")
    for number, (meter, day, quantity, amount, currency) in enumerate(
        [("tokens", 2, "1000", "", ""), ("tokens", 4, "333", "", ""), ("payments", 4, "", "49.90", "USD")]
    )
]
LATE = "euro-9,euro,tokens,2026-09-20T12:00:00Z,50,,"  # 16 days after the last rate


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    home = tmp_path_factory.mktemp("exchange")
    put(home, f"price_book/{DAY}/book.yaml", BOOK)
    put(home, f"accounts/{DAY}/accounts.csv", ACCOUNTS)
    put(home, f"fx_rates/{DAY}/eurofxref-hist.csv", ECB)
    put(home, f"fx_rates/{DAY}/own.csv", OWN)
    header = "event_id,account_id,meter,occurred_at,quantity,amount,currency"
    put(home, f"usage_events/{DAY}/usage.csv", "\n".join([header, *USAGE, LATE]) + "\n")
    return run_night(home, DAY)


def test_the_night_ties_out(published):
    assert_everything_ties_out(published)


def test_each_customer_is_billed_in_its_own_currency(published):
    """15.00 and 2.664 USD of tokens on the 2nd and the 4th, and one fee of 49.90 * 0.029 + 0.30 = 1.7471 USD."""
    invoices = dict(published.rows("select currency, total_amount from marts.fct_invoice"))
    assert invoices == {
        "USD": Decimal("19.41"),  # 17.664 -> 17.66, and 1.75
        "EUR": Decimal("15.68"),  # 15 / 1.25 + 2.664 / 1.2 = 14.22, and 1.7471 / 1.2 = 1.4559 -> 1.46
        "JPY": Decimal(2471),  # 15 * 160 / 1.25 + 2.664 * 150 / 1.2 = 2253, and 218.3875 -> 218
        "KWD": Decimal("5.823"),  # 15 * 0.375 / 1.25 + 2.664 * 0.36 / 1.2 = 5.2992 -> 5.299, and 0.52413 -> 0.524
        "CLF": Decimal("0.4717"),  # 17.664 * 0.0243 = 0.4292352 -> 0.4292, and 1.7471 * 0.0243 = 0.04245… -> 0.0425
    }


def test_a_line_names_the_day_of_the_rate_that_converts_it(published):
    found = published.rows(
        "select distinct service_date, currency, price_currency, price_rate_date from marts.fct_line_item "
        "where currency in ('CLF', 'KWD') order by all"
    )
    assert found == [
        (date(2026, 9, 2), "CLF", "USD", date(2026, 9, 1)),
        (date(2026, 9, 2), "KWD", "USD", date(2026, 9, 2)),
        (date(2026, 9, 4), "CLF", "USD", date(2026, 9, 4)),
        (date(2026, 9, 4), "KWD", "USD", date(2026, 9, 4)),
    ]


def test_usage_without_a_rate_waits_and_is_told(published):
    waiting = "select account_id, rule, event_count from audit.aud_suspense where kind = 'revenue'"
    assert published.rows(waiting) == [("euro", "no_exchange_rate", 1)]


def test_every_line_is_explained_with_its_rates_and_their_files(published):
    ids = [line for (line,) in published.rows("select line_item_id from marts.fct_line_item order by 1")]
    found = {line: published.explain(line) for line in ids}
    assert [line for line, explained in found.items() if not explained.agrees] == []
    (tokens,) = [line for line in ids if line.startswith("default:yen/tokens") and line.endswith("09-04")]
    said = found[tokens].as_text()
    assert (
        "Converted from USD into JPY: × 150 / 1.2, rates of 2026-09-04: EUR in JPY 150 "
        "(fx_rates/2026-09-30/eurofxref-hist.csv:2); EUR in USD 1.2 (fx_rates/2026-09-30/eurofxref-hist.csv:2)"
    ) in said
    assert "Reported in USD: 333.0000 JPY × 1.2 / 150" in said  # 2.664 * 150 / 1.2 = 333


def test_the_reports_add_up_in_the_reporting_currency(published):
    """I23: each line is reported at the rate of its day, so it comes back within half a minor unit on either way."""
    (total,) = published.row("select sum(total_amount_reporting) from marts.fct_invoice")
    (lines,) = published.row("select count(*) from marts.fct_line_item")
    true = 5 * (Decimal("17.664") + Decimal("1.7471"))
    # The coarsest currency is the yen: half a yen is 0.004 USD; and each twin is rounded to a cent.
    assert abs(total - true) <= lines * (Decimal("0.004") + Decimal("0.005"))
    assert published.rows("select sum(recognised_amount_reporting) from reports.rpt_revenue_by_product") == [(total,)]
