"""The tables of the book: contracts kept, tiers as lines with golden figures, numbers exact."""

from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iso4217 import Currency

from data_contracts import TABLES
from data_contracts.validation import validate
from data_contracts.vocabulary import BEGINNING
from orchestration.book import EMPTY, compile_tables
from orchestration.book.terms import Terms, TierTerms, at_24_places, pieces, quantity_limit
from orchestration.build import BOOK_TABLES
from tests.orchestration.book.samples import DAY, DESIGN_EXAMPLE, HEAD, accepted, one_price

BY_NAME = {table.table_name: table for table in TABLES}


def tables(content, **more):
    found = accepted(content, **more)
    assert found.problems == []
    return compile_tables(found.state, billing_starts_on=DAY)


def r(frame, x):
    """R(x) by the row whose bounds hold x, in decimals of 60 digits."""
    x = Decimal(x)
    (row,) = [row for row in frame.to_dicts() if row["lower_bound"] < x and (row["up_to"] is None or x <= row["up_to"])]
    with localcontext(prec=60):
        return row["base_amount"] + (x - row["offset"]) * row["unit_amount"]


@pytest.mark.parametrize(
    "content", [pytest.param(DESIGN_EXAMPLE, id="design example"), pytest.param("", id="nothing yet")]
)
def test_every_table_keeps_its_contract(content):
    state = accepted(content).state if content else EMPTY
    compiled = compile_tables(state, billing_starts_on=DAY)
    assert set(compiled) == {table.table_name for table in BOOK_TABLES}
    for name, frame in compiled.items():
        validate(BY_NAME[name], frame)
        assert frame.equals(frame.sort(BY_NAME[name].keys))


TIERS = '{up_to: "1000", unit_amount: "0.010", flat_amount: "5"}, {up_to: "5000", unit_amount: "0.008", flat_amount: "3"}, {up_to: null, unit_amount: "0.005", flat_amount: "0"}'


@pytest.mark.parametrize(
    ("model", "x", "amount"),
    [
        ("graduated", "0", "5"),
        ("graduated", "0.5", "5.005"),
        ("graduated", "1000", "15"),
        ("graduated", "1000.000000000001", "18.000000000000008"),
        ("graduated", "1000.5", "18.004"),
        ("graduated", "1001", "18.008"),
        ("graduated", "5000", "50"),
        ("graduated", "20000", "125"),
        ("volume", "1000", "15"),
        ("volume", "1001", "11.008"),
        ("volume", "5000", "43"),
        ("volume", "5001", "25.005"),
    ],
)
def test_golden_figures_of_the_semantics(model, x, amount):
    assert r(
        tables(one_price(model, f"{{effective_from: 2026-01-01, tiers: [{TIERS}]}}"))["price_tiers"], x
    ) == Decimal(amount)


def test_the_lines_of_a_graduated_price():
    frame = tables(DESIGN_EXAMPLE)["price_tiers"]
    assert [
        tuple(str(value) if value is None else f"{value:f}".rstrip("0").rstrip(".") for value in row)
        for row in frame.drop("price_version_id", "currency", "tier", "package_size", "package_round").rows()
    ] == [
        ("-1", "1000000", "0", "0.00003", "5", "5"),
        ("1000000", "None", "1000000", "0.00002", "0", "35"),
    ]


DECIMALS = st.decimals(min_value=0, max_value=1000, places=6, allow_nan=False, allow_infinity=False)
PER = st.sampled_from([Decimal(1), Decimal(3), Decimal(7), Decimal(1000), Decimal(1000000)])


@st.composite
def tiered(draw):
    bounds = sorted(draw(st.sets(st.decimals(min_value="0.000001", max_value=10**6, places=6), max_size=5)))
    count = len(bounds) + 1
    return [
        (bound, draw(DECIMALS), draw(PER), draw(DECIMALS))
        for bound, _ in zip([*bounds, None], range(count), strict=True)
    ]


def graduated_by_hand(tiers, x):
    """Semantics §1, as a loop over units, in fractions."""
    total, below = Fraction(0), Fraction(0)
    for number, (bound, unit_amount, per, flat) in enumerate(tiers):
        if x > below or number == 0:
            upper = x if bound is None else min(x, Fraction(bound))
            total += (upper - below) * Fraction(unit_amount) / Fraction(per) + Fraction(flat)
        below = Fraction(bound or 0)
    return total


def volume_by_hand(tiers, x):
    bound, unit_amount, per, flat = next(tier for tier in tiers if tier[0] is None or x <= tier[0])
    del bound
    return x * Fraction(unit_amount) / Fraction(per) + Fraction(flat)


@given(
    tiers=tiered(),
    free_x=st.decimals(min_value=0, max_value=2 * 10**6, places=12),
    model=st.sampled_from(["graduated", "volume"]),
)
def test_the_lines_give_what_the_definition_gives(tiers, free_x, model):
    by_hand = graduated_by_hand if model == "graduated" else volume_by_hand
    terms = Terms(
        model,
        "half_up",
        "period",
        tuple(TierTerms(bound, Fraction(unit) / Fraction(per), flat) for bound, unit, per, flat in tiers),
    )
    bounds = [tier[0] for tier in tiers if tier[0] is not None]
    step = Decimal("0.000000000001")
    for x in [Decimal(0), free_x, *bounds, *(bound + step for bound in bounds), *(bound - step for bound in bounds)]:
        (line,) = [line for line in pieces(terms) if line.lower_bound < x and (line.up_to is None or x <= line.up_to)]
        exact = line.base_amount + Fraction(x - line.offset) * line.unit_amount
        assert exact == by_hand(tiers, Fraction(x))


@settings(max_examples=25, deadline=None)  # each compiles a whole book
@given(tiers=tiered())
def test_documents_come_out_of_the_tables_as_they_went_in(tiers):
    said = ", ".join(
        f'{{up_to: {"null" if bound is None else chr(34) + format(bound, "f") + chr(34)}, unit_amount: "{unit:f}", per: "{per:f}", flat_amount: "{flat:f}"}}'
        for bound, unit, per, flat in tiers
    )
    frame = tables(one_price("graduated", f"{{effective_from: 2026-01-01, tiers: [{said}]}}"))["price_tiers"]
    for x in [Decimal(0), Decimal("0.5"), *(tier[0] for tier in tiers if tier[0] is not None), Decimal(10**7)]:
        # Each unit price is rounded at the 24th place, so R is off by less than x units of it.
        assert abs(Fraction(r(frame, x)) - graduated_by_hand(tiers, Fraction(x))) <= Fraction(x + 1) / 10**24


@settings(deadline=None)
@given(numerator=st.integers(min_value=0, max_value=10**40), denominator=st.integers(min_value=1, max_value=10**12))
def test_the_24th_place_is_rounded_once_half_even(numerator, denominator):
    with localcontext(prec=200):
        expected = (Decimal(numerator) / Decimal(denominator)).quantize(Decimal("1E-24"), ROUND_HALF_EVEN)
    # A quotient that ends beyond 200 digits cannot lie on a half, so the division above decides rightly.
    assert at_24_places(Fraction(numerator, denominator)) == expected


@pytest.mark.parametrize(
    ("unit_amount", "per", "expected"),
    [
        pytest.param("30", "1000000", "0.000030000000000000000000", id="ends: exact"),
        pytest.param("1", "3", "0.333333333333333333333333", id="does not end: down"),
        pytest.param("2", "3", "0.666666666666666666666667", id="does not end: up"),
        pytest.param("0.000000000000000000000001", "2", None, id="a half below the last place would be free"),
        pytest.param("0.000000000000000000000003", "2", "0.000000000000000000000002", id="half to even"),
    ],
)
def test_a_unit_price_is_the_quotient_correct_to_24_places(unit_amount, per, expected):
    book = one_price("per_unit", f'{{effective_from: 2026-01-01, unit_amount: "{unit_amount}", per: "{per}"}}')
    if expected is None:
        assert [problem.rule for problem in accepted(book).problems] == ["too_small"]
    else:
        (version,) = tables(book)["price_versions"].to_dicts()
        (tier,) = tables(book)["price_tiers"].to_dicts()
        assert version["unit_amount"] == tier["unit_amount"] == Decimal(expected)
        assert (tier["lower_bound"], tier["up_to"], tier["offset"], tier["base_amount"]) == (-1, None, 0, 0)


@settings(deadline=None)
@given(tiers=tiered(), model=st.sampled_from(["graduated", "volume"]))
def test_up_to_the_quantity_limit_every_amount_stays_below_10_to_the_13(tiers, model):
    terms = Terms(
        model,
        "half_up",
        "period",
        tuple(TierTerms(bound, Fraction(unit) / Fraction(per) * 10**9, flat) for bound, unit, per, flat in tiers),
    )
    limit = quantity_limit(terms)
    assert (Fraction(limit) * 10**12).denominator == 1
    assert limit <= 10**20
    for line in pieces(terms):
        if line.lower_bound < limit:
            x = limit if line.up_to is None else min(limit, line.up_to)
            assert line.base_amount + Fraction(x - line.offset) * line.unit_amount < 10**13


def test_the_quantity_limit_is_the_largest():
    (row,) = tables(one_price("per_unit", '{effective_from: 2026-01-01, unit_amount: "1"}'))[
        "price_versions"
    ].to_dicts()
    assert row["quantity_limit"] == Decimal("9999999999999.999999999999")
    (free,) = tables(one_price("per_unit", '{effective_from: 2026-01-01, unit_amount: "0"}'))[
        "price_versions"
    ].to_dicts()
    assert free["quantity_limit"] == Decimal(10) ** 20


CONVERTED = {
    "per_unit": ('unit_amount: "{}"', ("2", "0.002")),
    "graduated": (
        'tiers: [{{up_to: "{}", unit_amount: "{}", flat_amount: "1"}}, {{up_to: null, unit_amount: "{}"}}]',
        ("5", "2", "1", "5000", "0.002", "0.001"),
    ),
    "package": ('package: {{size: "{}", amount: "3", free_units: "{}"}}', ("2", "1", "2000", "1000")),
    "percentage": ('percentage: {{rate: "{}", fixed: "0.1", free_amount: "{}"}}', ("0.5", "7", "0.0005", "7000")),
    "matrix": ('matrix: {{dimensions: [model], cells: [{{where: {{model: a}}, unit_amount: "{}"}}]}}', ("2", "0.002")),
}


@pytest.mark.parametrize("model", sorted(CONVERTED))
def test_dividing_without_rounding_is_notation_for_terms_of_a_smaller_unit(model):
    """By 1,000: 2.00 a unit are 0.002, a tier up to 5 ends at 5,000, a package of 2 holds 2,000."""
    written, values = CONVERTED[model]
    half = len(values) // 2
    found = [
        tables(one_price(model, f"{{effective_from: 2026-01-01, {conversion}{written.format(*terms)}}}"))
        for conversion, terms in (('unit_conversion: {divide: "1000"}, ', values[:half]), ("", values[half:]))
    ]
    for name in ("price_versions", "price_tiers", "price_cells"):
        assert found[0][name].equals(found[1][name]), name


def test_a_conversion_is_a_factor_and_a_divisor_that_are_whole_numbers():
    """1.25 is 5 / 4. Without rounding the 4 is part of the terms: 2 a unit are 0.5 of what is multiplied by 5."""
    named = ["quantity_factor", "quantity_divisor", "quantity_round", "unit_amount", "quantity_limit"]

    def converted(said: str) -> tuple:
        version = f'{{effective_from: 2026-01-01, unit_conversion: {said}, unit_amount: "2"}}'
        return tables(one_price("per_unit", version))["price_versions"].select(named).row(0)

    # 10^13 / 2 is the first that is too much: of what is priced, and in units of the meter that are 1.25 of it each.
    assert converted('{multiply: "1.25"}') == (5, None, None, Decimal("0.5"), Decimal("3999999999999.999999999999"))
    # One unit less may be rounded up to it: (4999999999999.999999999999 - 1) × 4 / 5.
    assert converted('{multiply: "1.25", round: up}') == (5, 4, "up", 2, Decimal("3999999999999.199999999999"))


@pytest.mark.parametrize(
    ("model", "x", "amount"),
    [
        ("graduated", "0", "0"),
        ("graduated", "0.000000000001", "5.00000000000001"),
        ("graduated", "1001", "18.008"),
        ("volume", "0", "0"),
        ("volume", "1001", "11.008"),
    ],
)
def test_where_no_flat_is_due_on_zero_a_tier_of_its_own_holds_there(model, x, amount):
    book = one_price(model, f"{{effective_from: 2026-01-01, flat_on_zero: none, tiers: [{TIERS}]}}")
    assert r(tables(book)["price_tiers"], x) == Decimal(amount)


def test_a_tier_that_begins_beyond_what_an_amount_can_hold_is_refused():
    tiers = '{up_to: "10000000000", unit_amount: "1000"}, {up_to: null, unit_amount: "1"}'
    (found,) = accepted(one_price("graduated", f"{{effective_from: 2026-01-01, tiers: [{tiers}]}}")).problems
    assert str(found) == (
        "book.yaml:6: prices.p.versions.0: USD: tier 2: it begins at 10^13 or more, which no amount can hold. "
        "Drop the tier or lower its bound."
    )


def test_percentage_terms():
    version = '{effective_from: 2026-01-01, percentage: {rate: "0.012", fixed: "0.10", free_events: 3, free_amount: "500", free_rule: both_exhausted, min: "0.05", max: "20"}}'
    compiled = tables(one_price("percentage", version))
    assert compiled["price_tiers"].height == 0
    (row,) = compiled["price_versions"].to_dicts()
    assert (row["rate"], row["fixed_amount"], row["minimum_fee"], row["maximum_fee"]) == (
        Decimal("0.012"),
        Decimal("0.1"),
        Decimal("0.05"),
        20,
    )
    assert (row["free_events"], row["free_amount"], row["free_rule"], row["round_at"], row["unit_amount"]) == (
        3,
        500,
        "both_exhausted",
        "event",
        None,
    )


def test_amounts_per_currency_are_rows_of_one_version():
    version = '{effective_from: 2026-01-01, rounding: half_even, currencies: {USD: {unit_amount: "1"}, JPY: {unit_amount: "150", per: "1"}}}'
    compiled = tables(one_price("per_unit", version))
    assert [
        (row["price_version_id"], row["currency"], row["unit_amount"], row["rounding"])
        for row in compiled["price_versions"].to_dicts()
    ] == [
        ("p@2026-01-01", "JPY", 150, "half_even"),
        ("p@2026-01-01", "USD", 1, "half_even"),
    ]
    assert compiled["price_tiers"]["currency"].to_list() == ["JPY", "USD"]


def test_equal_terms_have_the_id_of_their_first_version():
    versions = [
        f'{{effective_from: 2026-0{month}-01, unit_amount: "{amount}", per: "{per}"}}'
        for month, amount, per in ((1, 1, 1), (2, 2, 1), (3, "10", "10"), (4, 2, 1))
    ]
    frame = tables(one_price("per_unit", *versions[::-1]))["price_versions"]
    assert dict(zip(frame["price_version_id"], frame["terms_id"], strict=True)) == {
        "p@2026-01-01": "p@2026-01-01",
        "p@2026-02-01": "p@2026-02-01",
        "p@2026-03-01": "p@2026-01-01",
        "p@2026-04-01": "p@2026-02-01",
    }


def test_a_day_and_an_instant_start_in_columns_of_their_own():
    versions = (
        '{effective_from: 2026-01-01, unit_amount: "1"}',
        '{effective_from: 2026-11-13T03:40:52.5+01:00, unit_amount: "2"}',
    )
    frame = tables(one_price("per_unit", *versions))["price_versions"]
    assert frame.select("price_version_id", "effective_from_date", "effective_from_at").rows() == [
        ("p@2026-01-01", date(2026, 1, 1), None),
        ("p@2026-11-13T02:40:52.500000Z", None, datetime(2026, 11, 13, 2, 40, 52, 500000)),
    ]


def test_conditions_plans_exclusions_and_the_company():
    book = f"""{HEAD}prices:
  - {{id: p, product: api, meter: tokens, where: {{region: 'e"u', model: zürich}}, model: per_unit, currency: USD, versions: [{{effective_from: 2026-01-01, unit_amount: "1"}}]}}
plans: [{{id: payg, prices: [{{price: p, effective_from: 2026-02-01}}]}}]
exclusions: [{{id: internal, meter: tokens, account: us, reason: own use}}]
"""
    compiled = tables(book)
    assert compiled["price_versions"]["conditions"].to_list() == ['{"model":"zürich","region":"e\\"u"}']
    assert compiled["price_conditions"].rows() == [
        ("p", "model", "tokens", "zürich", True),
        ("p", "region", "tokens", 'e"u', True),
    ]
    assert compiled["plan_prices"].rows() == [("payg", "p", date(2026, 2, 1))]
    assert compiled["exclusions"].rows() == [("internal", "revenue", "tokens", "us", BEGINNING, "own use")]
    assert compiled["companies"].rows() == [("Acme", "UTC", "USD", "reference", 5, None, "default", None, 0, DAY)]
    assert compiled["legal_entities"].rows() == [("default", "Acme", "ZZ", "USD", "INV")]
    assert compiled["meters"].rows()[0] == ("tokens", "token", "sum", "quantity", False, "reject", '["model","region"]')


def test_currencies_are_those_of_iso_4217_with_a_minor_unit():
    units = dict(tables(DESIGN_EXAMPLE)["currencies"].select("currency", "minor_units").rows())
    assert {code: units[code] for code in ("JPY", "USD", "KWD", "CLF", "IQD")} == {
        "JPY": 0,
        "USD": 2,
        "KWD": 3,
        "CLF": 4,
        "IQD": 3,
    }
    assert "XAU" not in units
    assert len(units) == sum(currency.exponent is not None for currency in Currency)
