"""The charge model percentage, and which part of an event its allowance leaves to be charged."""

import polars as pl

from data_contracts.vocabulary import EXACT, QUANTITY
from transforms import money


def percentage(
    charged_value: pl.Expr,
    is_free: pl.Expr,
    rate: pl.Expr,
    fixed_amount: pl.Expr,
    minimum_fee: pl.Expr,
    maximum_fee: pl.Expr,
) -> pl.Expr:
    """A share of the value and a fixed fee, kept within the bounds; a wholly free event costs 0, no minimum.

    1.2 % + 0.10 of 50 costs 0.70.
    """
    fee = money.multiply(charged_value, rate) + fixed_amount
    fee = pl.when(fee < minimum_fee).then(minimum_fee).otherwise(fee)
    fee = pl.when(fee > maximum_fee).then(maximum_fee).otherwise(fee)
    return pl.when(is_free).then(pl.lit(0).cast(EXACT)).otherwise(fee)


def is_free(
    value: pl.Expr,
    ordinal: pl.Expr,
    value_through: pl.Expr,
    free_events: pl.Expr,
    free_amount: pl.Expr,
    free_rule: pl.Expr,
) -> pl.Expr:
    """Whether the allowance pays for the whole event.

    `ordinal` counts the events of the billing period from 1, `value_through` is their value including this one.
    With one allowance it alone decides; with two, `first_exhausted` ends at the first and `both_exhausted` at the
    last of them. A free amount that was used up exactly is used up, for an event of value 0, too.
    """
    within_events = (ordinal <= free_events).fill_null(value=False)
    has_rest = value_through - value < free_amount
    within_amount = (has_rest & (value_through <= free_amount)).fill_null(value=False)
    both_given = free_events.is_not_null() & free_amount.is_not_null()
    stops_at_first = both_given & (free_rule == "first_exhausted")
    return pl.when(stops_at_first).then(within_events & within_amount).otherwise(within_events | within_amount)


def charged_value(
    value: pl.Expr,
    ordinal: pl.Expr,
    value_through: pl.Expr,
    free_events: pl.Expr,
    free_amount: pl.Expr,
    free_rule: pl.Expr,
) -> pl.Expr:
    """What is left to charge of an event that is not wholly free.

    The event that crosses the free amount pays on its rest, every later one on its whole value.

    500 free; events of 200, 100, 100, 150: the fourth goes from 400 to 550, so 50 of it are charged.
    """
    rest = value_through - free_amount
    event_phase_over = free_events.is_not_null() & (ordinal > free_events) & (free_rule == "first_exhausted")
    crosses = (rest < value) & ~event_phase_over
    return pl.when(crosses.fill_null(value=False)).then(rest).otherwise(value).cast(QUANTITY)
