"""Contract of `exchange_rates`."""

from data_contracts.vocabulary import Day, ExchangeRate, Table, Text, column, key


class ExchangeRates(Table):
    """The exchange rate of a day, as an exact ratio: amount in the target = amount * numerator / denominator.

    Dense: a row for every day on which a rate is known and young enough, so a day without a row has no rate. A
    currency has no row into itself. Join it by transforms.exchange, which alone converts.

    Grain: one row per currency, target currency and day. Source: transforms.exchange_rates.
    """

    currency: Text = key("ISO 4217 code of the amount.", example="JPY")
    target_currency: Text = key("ISO 4217 code that it is converted into.", example="USD")
    rate_date_for: Day = key("Day that wants a rate.", example="2026-08-02")
    rate_date: Day = column(
        "Day for which the rate used was fixed: the last one known on or before the day.", example="2026-07-31"
    )
    base_currency: Text = column("Base of the rates that are crossed.", example="EUR")
    numerator: ExchangeRate = column(
        "Units of the target for one of the base; 1 when the target is the base.", unit="target_currency", example="1"
    )
    denominator: ExchangeRate = column(
        "Units of the currency for one of the base; 1 when it is the base.", unit="currency", example="1"
    )
