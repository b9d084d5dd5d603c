"""Running totals against Polars' own windows, and where the sum through the whole frame has no place in 38 digits."""

from decimal import Decimal

import polars as pl
import pytest

from transforms import running

TYPE = pl.Decimal(38, 4)


def totals(frame: pl.DataFrame, engine: str) -> pl.DataFrame:
    lazy = running.in_order(frame.lazy(), ["account", "price"], ["day"]).with_columns(
        running.total("amount", TYPE).alias("through"), running.of_first(pl.col("day")).alias("opened")
    )
    before = running.before(pl.col("through"), at_start=pl.lit(0).cast(TYPE))
    return lazy.with_columns(before.alias("before")).collect(engine=engine).sort("account", "price", "day")


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_a_total_runs_within_its_group_in_the_order_of_the_days(engine):
    frame = pl.DataFrame(
        [(f"a{n % 3}", None if n % 5 == 0 else f"p{n % 5}", n * 37 % 101, Decimal(n * 7 % 13 - 5)) for n in range(101)],
        schema={"account": pl.String, "price": pl.String, "day": pl.Int64, "amount": TYPE},
        orient="row",
    )
    found = totals(frame, engine)
    groups, order = ["account", "price"], "day"
    expected = frame.with_columns(
        pl.col("amount").cum_sum().over(groups, order_by=order).alias("through"),
        pl.col("day").min().over(groups).alias("opened"),
    ).with_columns((pl.col("through") - pl.col("amount")).alias("before"))
    names = expected.columns
    assert found.select(names).equals(expected.sort("account", "price", "day"))


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_the_sum_of_all_groups_may_pass_38_digits_where_none_of_them_does(engine):
    most = Decimal("9" * 34 + ".9999")
    frame = pl.DataFrame(
        [(f"a{n}", "p", 1, most if n % 3 else -most) for n in range(200)],
        schema={"account": pl.String, "price": pl.String, "day": pl.Int64, "amount": TYPE},
        orient="row",
    )
    found = totals(frame, engine)
    assert found.filter(pl.col("through") != pl.col("amount")).is_empty()
    assert found.filter(pl.col("before") != 0).is_empty()


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_nothing_has_no_totals(engine):
    schema = {"account": pl.String, "price": pl.String, "day": pl.Int64, "amount": TYPE}
    assert totals(pl.DataFrame(schema=schema), engine).is_empty()
