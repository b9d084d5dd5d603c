"""Contract of `currencies`."""

from data_contracts.vocabulary import Count, Table, Text, column, key


class Currencies(Table):
    """A currency with its minor unit. Grain: one row per ISO 4217 code. Source: ISO 4217 by way of `iso4217`."""

    currency: Text = key("ISO 4217 code.", example="JPY")
    currency_name: Text = column("Name in ISO 4217.", example="US Dollar")
    minor_units: Count = column("Decimals of an amount of money: JPY 0, USD 2, KWD 3, CLF 4.", unit="digit", at_least=0)
