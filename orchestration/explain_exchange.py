"""Which exchange rates stand behind a line: the ratio, its date, and the delivered rows that it is made of."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from data_contracts import Companies, Currencies, ExchangeRates, FxRates
from orchestration.build import Build

Row = dict[str, Any]


def ratio(build: Build, currency: str, target: str, day: date) -> tuple[Fraction, str] | None:
    """Return the exact ratio of a day and how it comes about; None where no rate is known or none is needed."""
    asked = {"currency": currency, "target_currency": target, "rate_date_for": day}
    found = build.frame(ExchangeRates).filter(**asked).collect().to_dicts()
    if not found:
        return None
    (used,) = found
    sides = [_side(build, used, name) for name in ("target_currency", "currency")]
    shown = "; ".join(side for side in sides if side is not None)
    above, below = (f"{used[name].normalize():f}" for name in ("numerator", "denominator"))
    why = f"{above} / {below}, rates of {used['rate_date']}: {shown}"
    return Fraction(used["numerator"]) / Fraction(used["denominator"]), why


def reported(build: Build, line: Row) -> tuple[Decimal | None, str]:
    """Return a line's amount in the reporting currency, worked out anew, and the sentence that says how."""
    company = build.frame(Companies).collect().to_dicts()[0]
    target = company["reporting_currency"]
    if line["currency"] == target:
        return line["amount"], f"Reported in {target}, its own currency: {line['amount']}"
    found = ratio(build, line["currency"], target, line["posting_date"])
    if found is None:
        days = company["fx_max_age_days"]
        return None, f"Reported in {target}: unknown, no rate at most {days} days old on {line['posting_date']}"
    (digits,) = build.frame(Currencies).filter(currency=target).select("minor_units").collect().to_series()
    exact = Fraction(line["amount"]) * found[0]
    units = int(abs(exact) * 10**digits + Fraction(1, 2))  # int() cuts, so this rounds half up
    amount = Decimal(units if exact >= 0 else -units).scaleb(-digits)
    return amount, f"Reported in {target}: {line['amount']} {line['currency']} × {found[1]} = {amount}"


def _side(build: Build, used: Row, name: str) -> str | None:
    """The delivered rate of one side of a cross, with its place; the base itself has none."""
    if used[name] == used["base_currency"]:
        return None
    rates = build.delivered(FxRates).filter(
        pl.col("base_currency") == used["base_currency"],
        pl.col("quote_currency") == used[name],
        pl.col("rate_date") == used["rate_date"],
    )
    of_type = build.frame(Companies).select("fx_rate_type").collect().item()
    found = rates.filter(rate_type=of_type).sort("delivery_date").last().collect().to_dicts()[0]
    return (
        f"{found['base_currency']} in {found['quote_currency']} {found['rate'].normalize():f} "
        f"({found['source_file']}:{found['source_line']})"
    )
