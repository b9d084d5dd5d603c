"""A company small enough that a night over it costs seconds: two accounts, one price, three deliveries."""

from pathlib import Path

FIRST, LAST = "2026-09-01", "2026-09-03"

BOOK = """\
company:
  name: Tiny
  time_zone: UTC
  reporting_currency: USD
  default_plan: payg
  legal_entities: [{id: tiny, name: Tiny Inc., country: US, currency: USD, invoice_prefix: T}]
products: [{id: api, name: API, revenue_account: "4000"}]
meters: [{id: calls, unit: call, aggregation: sum}]
prices:
  - id: call
    product: api
    meter: calls
    model: per_unit
    kind: revenue
    versions:
      - effective_from: 2026-01-01
        currencies: {USD: {unit_amount: "0.0049"}, JPY: {unit_amount: "0.7"}}
plans: [{id: payg, prices: [call]}]
"""
ACCOUNTS = """\
account_id,name,currency,country,time_zone,legal_entity_id,valid_from
ant,Ant Ltd.,USD,US,UTC,tiny,2026-08-01
bee,Bee KK,JPY,JP,Asia/Tokyo,tiny,2026-08-01
"""
USAGE = {
    "2026-09-01": "e1,ant,calls,2026-09-01T10:00:00Z,10\ne2,bee,calls,2026-09-01T11:00:00Z,100\n",
    "2026-09-02": "e3,ant,calls,2026-09-02T10:00:00Z,20\ne1,ant,calls,2026-09-01T10:00:00Z,10\n",
    "2026-09-03": "e4,bee,calls,2026-09-03T10:00:00Z,7\ne5,nobody,calls,2026-09-03T10:00:00Z,1\n",
}


def write_landing(home: Path) -> None:
    """Write everything that the tiny company's world delivers."""
    landing = home / "landing"
    _write(landing / "price_book" / FIRST / "book.yaml", BOOK)
    _write(landing / "accounts" / FIRST / "accounts.csv", ACCOUNTS)
    for day, rows in USAGE.items():
        _write(landing / "usage_events" / day / "usage.csv", f"event_id,account_id,meter,occurred_at,quantity\n{rows}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
