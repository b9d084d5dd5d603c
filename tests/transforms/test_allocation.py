"""The parts of an amount sum to it, each as near as it can be, in whatever order and with whatever sign they stand."""

import itertools
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.allocation import largest_remainder, with_shares

# Amounts of 38 digits and weights of 38 digits: their products fit no decimal type.
totals = st.integers(-(10**38) + 1, 10**38 - 1)
some_weights = st.lists(st.integers(0, 10**38), min_size=1, max_size=40).filter(any)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        pytest.param(10_000, [1, 1, 1], [3_334, 3_333, 3_333], id="F93 100.00 over 3"),
        pytest.param(-10_000, [1, 1, 1], [-3_334, -3_333, -3_333], id="F93 a negative pool"),
        pytest.param(10_000, [7], [10_000], id="F93 one weight"),
        pytest.param(0, [1, 2], [0, 0], id="nothing to share"),
        pytest.param(5, [0, 1], [0, 5], id="a weight of zero gets nothing"),
        # 10·1/6 = 1.67, 10·2/6 = 3.33, 10·3/6 = 5: the one unit left over goes to the largest fraction.
        pytest.param(10, [1, 2, 3], [2, 3, 5], id="the largest fraction is filled up first"),
        pytest.param(1, [5, 5], [1, 0], id="of equals the first"),
    ],
)
def test_an_amount_is_split_by_largest_remainder(total, weights, parts):
    assert largest_remainder(total, weights) == parts


def test_a_million_parts_sum_to_the_amount():
    parts = largest_remainder(10_000, [1] * 10**6)  # F93
    assert sum(parts) == 10_000
    assert parts[:10_000] == [1] * 10_000


@pytest.mark.parametrize("weights", [[0], [0, 0], [1, -1], [2, -1]], ids=str)
def test_weights_that_tell_no_share_are_refused(weights):
    with pytest.raises(ValueError, match="no share can be told"):
        largest_remainder(100, weights)


@given(totals, some_weights)
def test_i6_parts_sum_to_the_pool_and_each_is_within_a_unit_of_its_exact_share(total, weights):
    parts = largest_remainder(total, weights)
    assert sum(parts) == total
    assert all(
        abs(part - Fraction(total * weight, sum(weights))) < 1 for part, weight in zip(parts, weights, strict=True)
    )


@given(totals, some_weights)
def test_i22_shares_are_the_same_with_the_other_sign_and_in_any_common_unit(total, weights):
    parts = largest_remainder(total, weights)
    assert largest_remainder(-total, weights) == [-part for part in parts]
    assert largest_remainder(total, [weight * 1000 for weight in weights]) == parts


@given(totals, some_weights)
def test_a_larger_weight_never_gets_less(total, weights):
    parts = largest_remainder(abs(total), weights)
    ordered = sorted(zip(weights, parts, strict=True))
    assert all(less <= more for (weight, less), (heavier, more) in itertools.pairwise(ordered) if weight < heavier)


@given(st.permutations(range(6)))
def test_i22_the_order_of_rows_decides_nothing(order):
    rows = [("p", f"k{number}", Decimal("100.01"), Decimal(weight)) for number, weight in enumerate((3, 1, 1, 1, 0, 1))]
    shared = _shared([rows[place] for place in order])
    assert shared == _shared(rows)
    assert sum(share for _, _, share in shared) == Decimal("100.01")


def _shared(rows):
    frame = pl.LazyFrame(
        rows,
        schema={"pool": pl.String, "part": pl.String, "cost": pl.Decimal(38, 12), "weight": pl.Decimal(38, 12)},
        orient="row",
    )
    shares = with_shares(frame, pool=["pool"], key=["part"], weight="weight", amounts={"cost": "share"})
    return shares.select("pool", "part", "share").collect().rows()


def test_pools_do_not_mix_and_an_unknown_amount_stays_unknown():
    assert _shared(
        [
            ("a", "x", Decimal(1), Decimal("0.5")),
            ("a", "y", Decimal(1), Decimal(1)),
            ("b", "x", None, Decimal(2)),
        ]
    ) == [
        # A third of one at twelve places, and what is left of it.
        ("a", "x", Decimal("0.333333333333")),
        ("a", "y", Decimal("0.666666666667")),
        ("b", "x", None),
    ]


def test_amounts_that_are_no_decimals_are_refused():
    frame = pl.LazyFrame({"pool": ["a"], "part": ["x"], "cost": [1.5], "weight": [Decimal(1)]})
    with pytest.raises(TypeError, match="cannot be split exactly"):
        with_shares(frame, pool=["pool"], key=["part"], weight="weight", amounts={"cost": "share"}).collect()
