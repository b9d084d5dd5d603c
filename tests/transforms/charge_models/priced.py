"""A charge model on one row of terms, typed by the contracts that hold them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl

from data_contracts import PriceTiers, PriceVersions
from data_contracts.vocabulary import QUANTITY
from tests.tables import parsed

VALUES = {"quantity", "amount", "value", "value_through", "charged_value"}


def priced(charge: Callable[..., pl.Expr], **terms: str | bool | None) -> Any:
    """Return what `charge` makes of one row of terms; `quantity`, values and flags by themselves, terms by contract."""
    frame = pl.DataFrame([_series(name, term) for name, term in terms.items()])
    return frame.select(charge(*[pl.col(name) for name in terms]).alias("amount")).item()


def _series(name: str, term: str | bool | None) -> pl.Series:
    if name in VALUES:
        return pl.Series(name, [Decimal(term)], QUANTITY)
    declared = PriceTiers.columns.get(name) or PriceVersions.columns.get(name)
    if declared is None:
        return pl.Series(name, [int(term) if name == "ordinal" else term])
    return pl.Series(name, [None if term is None else parsed(declared, term)], declared.type.polars)
