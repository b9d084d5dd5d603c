"""Contract of `fx_rates`."""

from data_contracts.vocabulary import Count, Day, Delivery, ExchangeRate, Text, column, key

# What a rate is when its feed does not say: the one reference rate of a day, as a central bank publishes it.
REFERENCE = "reference"


class FxRates(Delivery):
    """An exchange rate that a delivery brought: one unit of the base currency costs `rate` units of the quote currency.

    A rate that is known already is no row again. Of several deliveries of the same rate the latest counts; the earlier
    ones stay, so that every correction is kept with its delivery.

    Grain: one row per delivery, rate date, currency pair and rate type. Source: orchestration.intake.
    """

    delivery_date: Day = key("The delivery that brought the rate.", example="2026-08-01")
    rate_date: Day = key("Day for which the rate was fixed.", example="2026-07-31")
    base_currency: Text = key("ISO 4217 code of what one unit is of.", example="EUR")
    quote_currency: Text = key("ISO 4217 code of what it costs.", example="USD")
    rate_type: Text = key("Which rate of the day it is.", example=REFERENCE)
    rate: ExchangeRate = column("Units of the quote currency for one of the base.", unit="quote_currency", example="1")
    source_file: Text = column("Landing file of the rate.", example="fx_rates/2026-08-01/ecb.csv.gz")
    source_line: Count = column("Line of the record's start in that file.", unit="line", example="2")
