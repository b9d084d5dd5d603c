"""R at a running total, by the engine's compiled terms and by the reference: every cumulative model and its terms."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.vocabulary import QUANTITY
from orchestration.book import compile_tables
from tests.oracle.reference.models import counter_amount
from tests.oracle.reference.world import (
    Graduated,
    GraduatedPercentage,
    Package,
    PerUnit,
    RateTier,
    Tier,
    UnitConversion,
    Version,
    Volume,
)
from tests.orchestration.book.samples import DAY, accepted, one_price
from transforms.billing_quantity import QUANTITY_TERMS
from transforms.line_items import ROW, _totals

STEP = Decimal("0.000000000001")


def decimals(places: int, most: int, *, least: int = 0) -> st.SearchStrategy[Decimal]:
    return st.integers(least, most * 10**places).map(lambda units: Decimal(units).scaleb(-places))


AMOUNTS, QUANTITIES = decimals(4, 50), decimals(2, 3000)
CONVERSIONS = st.one_of(
    st.none(),
    st.builds(
        UnitConversion,
        divide=st.sampled_from(["1000", "60", "0.25", "3"]).map(Decimal),
        round=st.sampled_from(["none", "up", "down", "half_up"]),
    ),
    st.builds(
        UnitConversion,
        multiply=st.sampled_from(["8", "1.2", "0.001"]).map(Decimal),
        round=st.sampled_from(["none", "up", "down", "half_up"]),
    ),
)


@st.composite
def tiers(draw: st.DrawFn, kind: type) -> tuple:
    bounds = sorted(set(draw(st.lists(decimals(2, 100, least=1), max_size=3))))
    made = [kind(bound, draw(AMOUNTS), flat_amount=draw(st.sampled_from(["0", "3"]).map(Decimal))) for bound in bounds]
    return (*made, kind(None, draw(AMOUNTS), flat_amount=draw(st.sampled_from(["0", "2"]).map(Decimal))))


TERMS = st.one_of(
    st.builds(PerUnit, AMOUNTS, st.sampled_from(["1", "1000", "7"]).map(Decimal)),
    st.builds(Graduated, tiers(Tier)),
    st.builds(GraduatedPercentage, tiers(RateTier)),
    st.builds(Volume, tiers(Tier)),
    st.builds(Package, decimals(2, 50, least=1), AMOUNTS, decimals(1, 20), st.sampled_from(["up", "down"])),
)
MODELS = {
    PerUnit: "per_unit",
    Graduated: "graduated",
    GraduatedPercentage: "graduated_percentage",
    Volume: "volume",
    Package: "package",
}


def written(version: Version) -> str:
    """The version as a line of a book."""
    terms, said = version.terms["USD"], [f"effective_from: {version.effective_from}"]
    if isinstance(terms, PerUnit):
        said.append(f'unit_amount: "{terms.unit_amount:f}", per: "{terms.per:f}"')
    elif isinstance(terms, Package):
        size, amount, free = (f'"{value:f}"' for value in (terms.size, terms.amount, terms.free_units))
        said.append(f"package: {{size: {size}, amount: {amount}, free_units: {free}, round: {terms.round}}}")
    else:
        said.append(f"tiers: [{', '.join(map(tier_written, terms.tiers))}]")
    if version.free_units:
        said.append(f'free_units: "{version.free_units:f}"')
    if version.flat_on_zero != "charge":
        said.append("flat_on_zero: none")
    if (conversion := version.unit_conversion) is not None:
        name = "divide" if conversion.divide is not None else "multiply"
        said.append(f'unit_conversion: {{{name}: "{getattr(conversion, name):f}", round: {conversion.round}}}')
    return f"{{{', '.join(said)}}}"


def tier_written(tier: Tier | RateTier) -> str:
    up_to = "null" if tier.up_to is None else f'"{tier.up_to:f}"'
    price = f'rate: "{tier.rate:f}"' if isinstance(tier, RateTier) else f'unit_amount: "{tier.unit_amount:f}"'
    return f'{{up_to: {up_to}, {price}, flat_amount: "{tier.flat_amount:f}"}}'


@settings(max_examples=150, deadline=None)
@given(
    terms=TERMS,
    free=st.sampled_from(["0", "0", "5", "12.5"]).map(Decimal),
    conversion=CONVERSIONS,
    no_flat=st.booleans(),
    totals=st.lists(QUANTITIES, min_size=1, max_size=4),
)
def test_a_running_total_costs_what_the_reference_says(terms, free, conversion, no_flat, totals):
    has_flat = isinstance(terms, Graduated | GraduatedPercentage | Volume)
    version = Version(
        date(2026, 1, 1),
        {"USD": terms},
        free_units=free,
        unit_conversion=conversion,
        flat_on_zero="none" if no_flat and has_flat else "charge",
    )
    found = accepted(one_price(MODELS[type(terms)], written(version)))
    assert found.problems == []
    tables = compile_tables(found.state, billing_starts_on=DAY)
    # Around each total, where a bound or a package may just be reached.
    at = sorted(
        {each for total in totals for each in (total, total + STEP, max(total - STEP, Decimal(0)))} | {Decimal(0)}
    )
    points = (
        pl.LazyFrame({"through": at}, schema={"through": QUANTITY})
        .with_row_index(ROW)
        .join(
            tables["price_versions"].lazy().select("price_version_id", "currency", "model", *QUANTITY_TERMS),
            how="cross",
        )
    )
    engine = _totals(points, tables["price_tiers"].lazy(), version="price_version_id", at="through").sort(ROW).collect()
    assert len(engine) == len(at)
    for x, amount in zip(at, engine["_total"], strict=True):
        exact = counter_amount(version, terms, Fraction(x))
        # A unit price that does not end is kept to 24 places, and is multiplied by that many units.
        assert abs(Fraction(amount) - exact) <= (Fraction(x) * 8 + 10) / 10**24, (x, amount, exact)
