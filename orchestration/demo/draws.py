"""Repeatable chance: a draw is a pure function of a stream's name and of counters.

Nothing here is stateful, so rows may be made in any order and in one vectorised step. The mixing is 32-bit arithmetic
inside UInt64: no product can wrap, so no library version can disagree about it. Polars' own hash is not stable over
versions and is not used.
"""

import hashlib
from collections.abc import Sequence

import polars as pl

WORD = 0xFFFF_FFFF


def draw(stream: str, *counters: pl.Expr) -> pl.Expr:
    """An integer of [0, 2^32) for each combination of counters; streams of different names are independent."""
    seed = int.from_bytes(hashlib.sha256(stream.encode()).digest()[:4], "big")

    # Mixed on columns, not as one expression: every step uses the word twice, so the expression would double with it.
    def mixed(columns: Sequence[pl.Series]) -> pl.Series:
        word = pl.Series([seed], dtype=pl.UInt64)
        for column in columns:
            word = _mix((word ^ (column & WORD)) + 0x9E37_79B9)
        return word.cast(pl.Int64)

    return pl.map_batches([counter.cast(pl.UInt64) for counter in counters], mixed, return_dtype=pl.Int64)


def below(bound: int, stream: str, *counters: pl.Expr) -> pl.Expr:
    """A whole number of [0, bound)."""
    return draw(stream, *counters) % bound


def small_often(bound: int, stream: str, *counters: pl.Expr) -> pl.Expr:
    """A whole number of [0, bound) that is mostly small: the product of three even shares, as in skewed usage."""
    product = below(bound, f"{stream}.0", *counters)
    for factor in (1, 2):
        product = product * below(1_000, f"{stream}.{factor}", *counters) // 1_000
    return product


def _mix(word: pl.Series) -> pl.Series:
    """Spread every input bit over the word (the constants of Chris Wellons' `lowbias32`)."""
    word = word & WORD
    word = ((word ^ (word // (1 << 16))) * 0x7FEB_352D) & WORD
    word = ((word ^ (word // (1 << 15))) * 0x846C_A68B) & WORD
    return word ^ (word // (1 << 16))
