"""What the book takes today: of every feature of the drawn worlds, whether a small world with it would be rated.

A feature that the book refuses by name is left out of the worlds until it is taken, and `test_worlds` says so.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache

from orchestration.book import EMPTY, accept_delivery
from tests.oracle import small_worlds as small
from tests.oracle.reference import (
    Account,
    Cell,
    Contract,
    Dynamic,
    Graduated,
    GraduatedPercentage,
    Hours,
    Matrix,
    Meter,
    Package,
    PerUnit,
    Price,
    RateTier,
    Terms,
    Tier,
    UnitConversion,
    Version,
    Volume,
    World,
)
from tests.oracle.worlds import FEATURES, LEVELS, landing_files

NOT_YET = "cannot_be_rated_yet"
UNKNOWN = ("unknown_key", "unknown_value", "wrong_term")  # what a document says that nobody knows of yet

D = Decimal
ONE = PerUnit(D(1))
TIERS = (Tier(D(10), D(1)), Tier(None, D(2)))
RATE_TIERS = (RateTier(D(10), D("0.1")), RateTier(None, D("0.2")))
OF_MODEL: dict[str, Terms] = {
    "per_unit": ONE,
    "graduated": Graduated(TIERS),
    "volume": Volume(TIERS),
    "package": Package(D(10), D(1)),
    "matrix": Matrix((Cell({"region": "eu"}, D(1)),)),
    "dynamic": Dynamic(),
    "graduated_percentage": GraduatedPercentage(RATE_TIERS),
}


def sold(terms: Terms = ONE, meter: Meter | None = None, *, model: str = "per_unit", **said: object) -> World:
    """A world of one price whose version says something more."""
    meter = meter or Meter("tokens", dimensions=("region",))
    version = Version(date(2026, 1, 1), {"USD": terms}, **said)
    return small.world([Price("p", meter.id, model, (version,))], [], meters=(meter,))


def signed(**billing: object) -> World:
    """A world whose contract is billed otherwise than by the month."""
    return replace(sold(), contracts=(Contract("c1", "acme", "pro", date(2026, 8, 1), **billing),))


def changing() -> World:
    first = Version(date(2026, 1, 1), {"USD": ONE})
    versions = (first, replace(first, effective_from=date(2026, 8, 10), on_price_change="continue"))
    return small.world([Price("p", "tokens", "per_unit", versions)], [])


def pooled() -> World:
    parent = (Account("acme", "USD"), Account("child", "USD", payer="acme"))
    return replace(sold(Graduated(TIERS), model="graduated", pool="payer"), accounts=parent)


def shared() -> World:
    world = sold(Graduated(TIERS), model="graduated")
    return replace(world, prices=tuple(replace(price, shared_tiers=("region",)) for price in world.prices))


MONEY = Meter("tokens", value="amount")
SMALL_WORLDS: dict[str, Callable[[], World]] = {
    "graduated_percentage": lambda: sold(GraduatedPercentage(RATE_TIERS), MONEY, model="graduated_percentage"),
    "volume_rates": lambda: sold(Volume(RATE_TIERS), MONEY, model="volume"),
    "unit_conversion": lambda: sold(unit_conversion=UnitConversion(divide=D(10), round="up")),
    "flat_on_zero": lambda: sold(Graduated(TIERS), model="graduated", flat_on_zero="none"),
    "hours": lambda: sold(PerUnit(D(1), intervals=(Hours("01:00", "24:00", D(2)),))),
    "continue": changing,
    "tier_period": lambda: sold(Graduated(TIERS), model="graduated", tier_period="year"),
    "billing_periods": lambda: signed(interval="quarter", anchor=31),
    "weeks": lambda: signed(interval="week"),
    "pool": pooled,
    "shared_tiers": shared,
    "max": lambda: sold(meter=Meter("tokens", "max")),
    "latest": lambda: sold(meter=Meter("tokens", "latest")),
    "unique_count": lambda: sold(meter=Meter("tokens", "unique_count", dimensions=("user",), unique_by="user")),
    **{feature: lambda meter=meter: sold(meter=meter) for feature, meter in LEVELS.items()},
    **{
        f"round_at_event_{model}": lambda terms=terms, model=model: sold(
            terms, MONEY if model == "graduated_percentage" else None, model=model, round_at="event"
        )
        for model, terms in OF_MODEL.items()
    },
}


@cache
def refusal(feature: str) -> str | None:
    """Why the book does not take a feature yet; None if it does, or did before this list was begun."""
    if feature not in SMALL_WORLDS:
        return None
    files = landing_files(SMALL_WORLDS[feature]())
    book, contracts = (
        {path: text for path, text in files.items() if path.startswith(kind)} for kind in ("price_book", "contracts")
    )
    taken = accept_delivery(EMPTY, date(2026, 8, 1), book, {})
    # Without the book nothing is known that a contract could name.
    found = taken.problems or accept_delivery(taken.state, date(2026, 8, 1), {}, contracts).problems
    wrong = [str(problem) for problem in found if problem.rule not in (NOT_YET, *UNKNOWN)]
    if wrong:
        raise ValueError(f"the small world of {feature} is not legal: {wrong}")
    return " ".join(map(str, found)) or None


@cache
def accepted() -> frozenset[str]:
    """The features that are drawn today."""
    return frozenset(feature for feature in FEATURES if refusal(feature) is None)
