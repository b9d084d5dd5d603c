"""Contract of `price_cells`."""

from data_contracts.vocabulary import Table, Text, UnitPrice, column, key

# The cell of every combination that has none of its own; no JSON object reads like it.
DEFAULT_CELL = "default"


class PriceCells(Table):
    """The unit price of one combination of dimensions under a matrix price.

    Grain: one row per price version, currency and cell. Source: orchestration.book.
    """

    price_version_id: Text = key("Version that the cell belongs to.", example="gpu_hours@2026-08-01")
    currency: Text = key("ISO 4217 code of the amount.", example="USD")
    dimensions: Text = key(
        "Canonical JSON of the values that usage must have; `default` for every other combination.",
        example='{"region":"eu"}',
    )
    unit_amount: UnitPrice = column("Price of one unit in the cell, correct to 24 places.", unit="currency")
