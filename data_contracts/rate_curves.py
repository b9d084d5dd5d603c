"""Contract of `rate_curves`."""

from data_contracts.vocabulary import Count, Table, Text, UnitPrice, column, key


class RateCurves(Table):
    """What a unit costs from a local time of a weekday on, until the next row of the day: a version with `intervals`.

    Grain: one row per price version, currency, weekday and time at which the unit price changes; each weekday has one
    at its start. Source: orchestration.book.
    """

    price_version_id: Text = key("Version whose curve it is.", example="power@2026-08-01")
    currency: Text = key("ISO 4217 code of the amount.", example="USD")
    weekday: Count = key("Local weekday, 1 is Monday.", unit="day")
    starts_at_minute: Count = key("Local time from which it holds, in minutes since 00:00.", unit="minute")
    unit_amount: UnitPrice = column("Price of one unit from then on, correct to 24 places.", unit="currency")
