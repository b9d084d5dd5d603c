"""What must hold between customers of one night: the same usage under two books, or two usages under one book.

Every relation draws a few cases; each case is two or three accounts with a contract and a price of their own. All of
them are one company, landed as files and priced by one night. Not relations, so not here: volume totals rise with
usage, a package with free units or rounded down costs less together than apart, fees rounded one by one sum to the
rounded total.

`RATEBOOK_PROPERTY_COMPANIES` sets how many cases are drawn for each relation (2 by default, hundreds as the long run).
"""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from data_contracts import LineItems
from tests.oracle.engine import priced
from tests.oracle.reference import (
    Account,
    Cell,
    Contract,
    Dynamic,
    Event,
    Flat,
    Graduated,
    Matrix,
    Meter,
    Package,
    PerUnit,
    Plan,
    PlanEntry,
    Price,
    Terms,
    Tier,
    Version,
    Volume,
    World,
)
from tests.oracle.worlds import terms_of, tiers

D = Decimal
CASES = int(os.environ.get("RATEBOOK_PROPERTY_COMPANIES", "2"))
FIRST, AS_OF = date(2026, 8, 1), date(2026, 9, 12)
DELIVERIES = tuple(FIRST + timedelta(days=days) for days in (11, 26, 40))
QUANTITIES = tuple(map(D, ("0", "0.5", "1", "9.999999999999", "10", "100.5", "333.3", "1000")))
TINY = D("1e-22")  # each product is correct to 24 places, and a total is a sum of a few dozen


@dataclass(frozen=True)
class Subject:
    """One account: its price, and what it uses."""

    price: Price
    usage: tuple[Event, ...]


@dataclass(frozen=True)
class Bill:
    """What a subject was charged: its lines in order, as the night wrote them."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def total(self, column: str = "amount_exact") -> Decimal:
        return sum((line[column] for line in self.lines), D(0))

    def by_day(self, *columns: str) -> list[tuple[Any, ...]]:
        """The lines with something in them: a day without usage may have a line or none."""
        return [
            tuple(line[name] for name in ("service_date", *columns))
            for line in self.lines
            if line["quantity"] or line["amount_exact"] or line["amount"]
        ]


Check = Callable[..., None]
Case = tuple[list[Subject], Check]
RELATIONS: dict[str, st.SearchStrategy[Case]] = {}


def relation(strategy: Callable[[], st.SearchStrategy[Case]]) -> Callable[[], st.SearchStrategy[Case]]:
    """A relation is a strategy of cases: subjects, and what must hold between their bills."""
    RELATIONS[strategy.__name__] = strategy()
    return strategy


# --- what is used -----------------------------------------------------------------------------------------------------


def price(terms: Terms, **version: Any) -> Price:
    model = "per_unit" if isinstance(terms, PerUnit) else type(terms).__name__.lower()
    return Price("price", "tokens", model, (Version(date(2026, 1, 1), {"USD": terms}, **version),))


@st.composite
def usages(draw: st.DrawFn, *, at_least: int = 0, regions: Sequence[str] = ("eu",)) -> tuple[Event, ...]:
    """Up to six events of two billing periods, each delivered some days later."""
    found = []
    for number in range(draw(st.integers(at_least, 6))):
        instant = datetime(2026, 8, 1, 12, tzinfo=UTC) + timedelta(days=draw(st.integers(0, 38)))
        found.append(use(number, instant, draw(st.sampled_from(QUANTITIES)), draw(st.sampled_from(regions))))
    return tuple(found)


def use(number: int, instant: datetime, quantity: Decimal, region: str = "eu") -> Event:
    """An event whose account is not known yet; it brings an amount too, for who prices that."""
    delivered = next(day for day in DELIVERIES if day > instant.date())
    return Event(
        "",
        f"e{number}",
        "",
        "tokens",
        instant,
        quantity,
        amount=round(quantity / 8, 3),
        currency="USD",
        dimensions={"region": region},
        delivery_date=delivered,
    )


# --- relations: models ------------------------------------------------------------------------------------------------

amounts = st.sampled_from(tuple(map(D, ("0", "0.005", "0.0333", "1", "17.0049"))))


def equal_bills(one: Bill, other: Bill) -> None:
    columns = ("quantity", "quantity_before", "amount_exact", "amount_exact_before", "amount")
    assert one.by_day(*columns) == other.by_day(*columns)


def nearly_equal_bills(one: Bill, other: Bill) -> None:
    assert one.by_day("quantity", "amount") == other.by_day("quantity", "amount")
    for (_, left), (_, right) in zip(one.by_day("amount_exact"), other.by_day("amount_exact"), strict=True):
        assert abs(left - right) <= TINY


@relation
@st.composite
def packages_bought_together_cost_at_most_what_they_cost_apart(draw: st.DrawFn) -> Case:
    terms = Package(draw(st.sampled_from(QUANTITIES[1:])), draw(amounts))
    noon = datetime(2026, 8, 9, 12, tzinfo=UTC)
    parts = [draw(st.sampled_from(QUANTITIES)) for _ in range(2)]
    used = [(use(0, noon, sum(parts)),), *((use(0, noon, part),) for part in parts)]

    def check(together: Bill, one: Bill, other: Bill) -> None:
        assert together.total() <= one.total() + other.total()

    return [Subject(price(terms), each) for each in used], check


@relation
@st.composite
def more_usage_never_costs_less(draw: st.DrawFn) -> Case:
    """Not so under volume, whose next unit may make all cheaper."""
    terms = draw(st.one_of(terms_of("per_unit"), terms_of("graduated"), terms_of("package")))
    free = draw(st.sampled_from((D(0), D(10))))
    used = draw(usages())
    more = (*used, use(9, datetime(2026, 8, 20, tzinfo=UTC), draw(st.sampled_from(QUANTITIES))))

    def check(less: Bill, more: Bill) -> None:
        # August: a first event also moves its flat from the first day, so what is compared is the total.
        assert less.total() <= more.total()

    return [Subject(price(terms, free_units=free), each) for each in (used, more)], check


@relation
@st.composite
def a_tier_cut_in_two_at_the_same_price_is_the_same_tier(draw: st.DrawFn) -> Case:
    whole = draw(tiers())
    model, upper_flat = draw(st.sampled_from(((Graduated, D(0)), (Volume, None))))
    last = whole[-1]
    bound = (whole[-2].up_to if len(whole) > 1 else D(0)) + D("5.5")
    halves = (
        replace(last, up_to=bound),
        replace(last, flat_amount=last.flat_amount if upper_flat is None else upper_flat),
    )
    used = draw(usages())
    books = [price(model(bands)) for bands in (whole, (*whole[:-1], *halves))]
    return [Subject(each, used) for each in books], nearly_equal_bills


@relation
@st.composite
def a_tier_that_is_never_reached_changes_nothing(draw: st.DrawFn) -> Case:
    whole = draw(tiers())
    model = draw(st.sampled_from((Graduated, Volume)))
    longer = (*whole[:-1], replace(whole[-1], up_to=D(100_000)), Tier(None, D(0), D(1)))
    used = draw(usages())
    return [Subject(price(model(bands)), used) for bands in (whole, longer)], nearly_equal_bills


@relation
@st.composite
def ten_times_the_price_is_ten_times_the_exact_amount(draw: st.DrawFn) -> Case:
    amount = draw(amounts)
    terms, tenfold = draw(
        st.sampled_from(
            (
                (Package(D(10), amount, D(3)), Package(D(10), amount * 10, D(3))),
                (Flat(amount), Flat(amount * 10)),
                (
                    Matrix((Cell({"region": "eu"}, amount),), PerUnit(amount)),
                    Matrix((Cell({"region": "eu"}, amount * 10),), PerUnit(amount * 10)),
                ),
            )
        )
    )
    used = draw(usages(regions=("eu", "us")))

    def check(one: Bill, ten: Bill) -> None:
        assert abs(one.total() * 10 - ten.total()) <= TINY

    return [Subject(price(each), used) for each in (terms, tenfold)], check


@relation
@st.composite
def a_matrix_of_one_price_is_that_price(draw: st.DrawFn) -> Case:
    plain = PerUnit(draw(amounts), draw(st.sampled_from((D(1), D(1000)))))
    cells = tuple(Cell({"region": name}, plain.unit_amount, plain.per) for name in ("eu", "us"))
    used = draw(usages(regions=("eu", "us", "ap")))

    def check(matrix: Bill, per_unit: Bill) -> None:
        for column in ("quantity", "amount"):
            assert sums_by_day(matrix, column) == sums_by_day(per_unit, column)

    return [Subject(price(terms), used) for terms in (Matrix(cells, plain), plain)], check


@relation
@st.composite
def dynamic_prices_sum_what_the_events_bring(draw: st.DrawFn) -> Case:
    used = draw(usages())

    def check(bill: Bill) -> None:
        assert bill.total() == sum((event.amount for event in used), D(0))

    return [Subject(price(Dynamic()), used)], check


@relation
@st.composite
def free_units_are_a_first_tier_that_costs_nothing(draw: st.DrawFn) -> Case:
    free, unit = draw(st.sampled_from(QUANTITIES[1:])), draw(amounts)
    as_tiers = Graduated((Tier(free, D(0)), Tier(None, unit)))
    used = draw(usages())
    books = [price(PerUnit(unit), free_units=free), price(as_tiers)]
    return [Subject(each, used) for each in books], nearly_equal_bills


@relation
@st.composite
def a_flat_price_costs_the_same_whatever_is_used(draw: st.DrawFn) -> Case:
    terms = Flat(draw(amounts))
    used = [draw(usages()), draw(usages())]

    def check(one: Bill, other: Bill) -> None:
        assert one.total("amount") == other.total("amount")

    return [Subject(price(terms), each) for each in used], check


# --- relations: groups and bounds -------------------------------------------------------------------------------------


@relation
@st.composite
def grouping_by_what_is_always_the_same_changes_no_amount(draw: st.DrawFn) -> Case:
    terms = draw(st.one_of(terms_of("graduated"), terms_of("volume"), terms_of("package")))
    used = draw(usages())
    books = [replace(price(terms), group_by=groups) for groups in ((), ("region",))]
    return [Subject(each, used) for each in books], equal_bills


@relation
@st.composite
def groups_cost_what_they_cost_as_customers_of_their_own(draw: st.DrawFn) -> Case:
    terms = draw(st.one_of(terms_of("graduated"), terms_of("volume"), terms_of("package")))
    months = [datetime(2026, month, 2, tzinfo=UTC) for month in (8, 9)]  # each is there in both periods
    always = tuple(use(7 + place, month, D(1), name) for place, month in enumerate(months) for name in ("eu",))
    used = (*draw(usages(regions=("eu", "us"))), *always)
    used = (*used, *(replace(event, id=f"{event.id}u", dimensions={"region": "us"}) for event in always))
    apart = [tuple(event for event in used if event.dimensions["region"] == name) for name in ("eu", "us")]

    def check(grouped: Bill, eu: Bill, us: Bill) -> None:
        for column in ("amount_exact", "amount"):
            both = defaultdict(D, sums_by_day(eu, column))
            for day, amount in sums_by_day(us, column).items():
                both[day] += amount
            assert sums_by_day(grouped, column) == both

    grouped = replace(price(terms), group_by=("region",))
    return [Subject(grouped, used), *(Subject(price(terms), each) for each in apart)], check


@relation
@st.composite
def a_maximum_caps_the_period_and_a_minimum_fills_it(draw: st.DrawFn) -> Case:
    terms = draw(st.one_of(terms_of("graduated"), terms_of("volume"), terms_of("package"), terms_of("per_unit")))
    least, most = draw(st.sampled_from(((D("0.05"), D(5)), (D(20), D(20)), (D("150.01"), D(4000)))))
    used = draw(usages())
    bounded = price(terms, minimum={"USD": least}, maximum={"USD": most})

    def check(plain: Bill, bounded: Bill) -> None:
        of_plain, of_bounded = sums_by_period(plain, "amount"), sums_by_period(bounded, "amount")
        august, september = FIRST, date(2026, 9, 1)
        assert of_bounded[august] == min(max(of_plain[august], least), most)  # it is over: both hold
        assert of_bounded[september] == min(of_plain[september], most)  # a minimum is not due yet

    return [Subject(price(terms), used), Subject(bounded, used)], check


# --- relations: what is known when ------------------------------------------------------------------------------------

BROAD = st.one_of(terms_of("per_unit"), terms_of("graduated"), terms_of("volume"), terms_of("percentage"))


def undo(event: Event, delivered: date) -> Event:
    return replace(event, id=f"undo-{event.id}", reverses=event.id, delivery_date=max(delivered, event.delivery_date))


@relation
@st.composite
def usage_and_its_reversal_are_nothing(draw: st.DrawFn) -> Case:
    terms, used = draw(BROAD), draw(usages())
    gone = draw(usages(at_least=1))
    extra = tuple(replace(event, id=f"x{event.id}") for event in gone)
    undone = tuple(undo(event, draw(st.sampled_from(DELIVERIES))) for event in extra)
    return [Subject(price(terms), used), Subject(price(terms), (*used, *extra, *undone))], equal_bills


@relation
@st.composite
def an_amendment_is_a_reversal_and_a_new_event(draw: st.DrawFn) -> Case:
    terms, (first, *rest) = draw(BROAD), draw(usages(at_least=2))
    new = replace(rest[0], id="new", delivery_date=DELIVERIES[-1])
    amended = (first, *rest, replace(new, amends=first.id))
    by_hand = (first, *rest, new, undo(first, DELIVERIES[-1]))
    return [Subject(price(terms), used) for used in (amended, by_hand)], equal_bills


@relation
@st.composite
def order_and_delivery_do_not_matter(draw: st.DrawFn) -> Case:
    terms, used = draw(BROAD), draw(usages())
    shuffled = draw(st.permutations(used))
    spread = tuple(
        replace(event, delivery_date=draw(st.sampled_from([day for day in DELIVERIES if day >= event.delivery_date])))
        for event in shuffled
    )
    return [Subject(price(terms), each) for each in (used, spread)], equal_bills


# --- one night for all of them ----------------------------------------------------------------------------------------


def sums_by_day(bill: Bill, column: str) -> dict[date, Decimal]:
    return summed(bill, "service_date", column)


def sums_by_period(bill: Bill, column: str) -> dict[date, Decimal]:
    return summed(bill, "billing_period_start", column)


def summed(bill: Bill, by: str, column: str) -> dict[date, Decimal]:
    """Sums per day or period; days without anything may have a line or none, so they are left out."""
    found: dict[date, Decimal] = defaultdict(D)
    for line in bill.lines:
        if line["quantity"] or line["amount_exact"] or line["amount"] or by == "billing_period_start":
            found[line[by]] += line[column]
    return found


def drawn(strategy: st.SearchStrategy[Case]) -> list[Case]:
    """The first cases of a relation, the same in each run."""
    found: list[Case] = []

    @seed(0)
    @settings(
        max_examples=CASES + 1,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(case: Case) -> None:
        found.append(case)

    draw()
    return found


def company(subjects: Sequence[Subject]) -> World:
    """Each subject as an account with a contract, a plan and a price of its own."""
    names = [f"s{number}" for number in range(len(subjects))]
    return World(
        accounts=tuple(Account(name, "USD", valid_from=date(2026, 1, 1)) for name in names),
        meters=(Meter("tokens", dimensions=("region",)),),
        prices=tuple(replace(subject.price, id=name) for name, subject in zip(names, subjects, strict=True)),
        plans=tuple(Plan(name, (PlanEntry(name),)) for name in names),
        contracts=tuple(Contract(f"c-{name}", name, name, date(2026, 1, 1)) for name in names),
        events=tuple(
            replace(
                event,
                account=name,
                id=f"{name}-{event.id}",
                reverses=event.reverses and f"{name}-{event.reverses}",
                amends=event.amends and f"{name}-{event.amends}",
            )
            for name, subject in zip(names, subjects, strict=True)
            for event in subject.usage
        ),
        billing_starts_on=FIRST,
        as_of=AS_OF,
    )


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Check, list[Bill]]]]:
    """Each relation's cases with the bills of their subjects, from one night."""
    of_relation = {name: drawn(strategy) for name, strategy in RELATIONS.items()}
    subjects = [subject for found in of_relation.values() for case, _ in found for subject in case]
    lines = priced(company(subjects), tmp_path_factory.mktemp("relations")).frame(LineItems).collect()
    bills: dict[str, Bill] = defaultdict(Bill)
    for line in lines.sort("service_date", "charge_kind").iter_rows(named=True):
        bills[line["account_id"]].lines.append(line)
    names = iter(f"s{number}" for number in range(len(subjects)))
    return {
        relation: [(check, [bills[next(names)] for _ in case]) for case, check in found]
        for relation, found in of_relation.items()
    }


@pytest.mark.parametrize("name", RELATIONS)
def test_relation(name: str, cases: dict[str, list[tuple[Check, list[Bill]]]]) -> None:
    for check, bills in cases[name]:
        check(*bills)


def test_the_cases_are_charged_for_something(cases: dict[str, list[tuple[Check, list[Bill]]]]) -> None:
    for name, found in cases.items():
        assert any(bill.total() for _, bills in found for bill in bills), name
