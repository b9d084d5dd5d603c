"""What a book says about exchange: which rate is used, and which prices are converted."""

import pytest

from orchestration.book import compile_tables
from tests.orchestration.book.samples import DAY, accepted, one_price, problems

PER_UNIT = '{effective_from: 2026-01-01, unit_amount: "1"}'
CONVERTED = ", convert: service_date"


def compiled(book: str):
    found = accepted(book)
    assert [str(problem) for problem in found.problems] == []
    return compile_tables(found.state, billing_starts_on=DAY)


@pytest.mark.parametrize(
    ("fx", "rate_type", "max_age"),
    [
        pytest.param("", "reference", 5, id="the reference rate, five days at most"),
        pytest.param(", fx: {max_age_days: 0, rate_type: closing}", "closing", 0, id="another rate, of the day itself"),
    ],
)
def test_the_company_says_which_rate_it_uses(fx: str, rate_type: str, max_age: int):
    book = one_price("per_unit", PER_UNIT).replace("reporting_currency: USD", f"reporting_currency: USD{fx}")
    companies = compiled(book)["companies"]
    assert companies.select("fx_rate_type", "fx_max_age_days").rows() == [(rate_type, max_age)]


def test_a_monthly_average_is_refused_by_name():
    book = one_price("per_unit", PER_UNIT).replace(
        "currency: USD}", "currency: USD, fx: {reporting: month_average}}", 1
    )
    assert problems(book) == [
        "book.yaml:1: company.fx.reporting: fx.reporting: month_average cannot be rated yet. Write posting_date."
    ]


def test_a_price_is_converted_only_where_it_says_so():
    assert compiled(one_price("per_unit", PER_UNIT))["price_versions"]["is_converted"].to_list() == [False]
    converted = compiled(one_price("per_unit", PER_UNIT, more=CONVERTED))
    assert converted["price_versions"]["is_converted"].to_list() == [True]


@pytest.mark.parametrize(
    ("book", "rules"),
    [
        pytest.param(
            one_price("per_unit", PER_UNIT, more=f"{CONVERTED}, kind: cost"),
            ["contradiction"],
            id="a cost is not billed",
        ),
        pytest.param(
            one_price(
                "per_unit",
                '{effective_from: 2026-01-01, currencies: {EUR: {unit_amount: "1"}, USD: {unit_amount: "1"}}}',
                more=CONVERTED,
            ),
            ["contradiction"],
            id="several currencies leave open what is converted",
        ),
        pytest.param(
            one_price("per_unit", PER_UNIT, more=", convert: month_end"), ["unknown_value"], id="a rule nobody knows"
        ),
        pytest.param(
            one_price("per_unit", '{effective_from: 2026-01-01, unit_amount: "1", minimum: "5"}', more=CONVERTED),
            ["cannot_be_rated_yet"],
            id="a bound of a period at the rates of its days",
        ),
    ],
)
def test_a_conversion_that_cannot_be_is_refused(book: str, rules: list[str]):
    assert [problem.rule for problem in accepted(book).problems] == rules


def test_a_price_never_begins_or_stops_to_be_converted():
    known = accepted(one_price("per_unit", PER_UNIT)).state
    (found,) = accepted(one_price("per_unit", PER_UNIT, more=CONVERTED), known=known, day=DAY.replace(day=2)).problems
    assert (found.rule, found.column) == ("changed_in_place", "prices.p.convert")
