"""What the schema knows and the engine cannot rate yet, refused by name: a book is never billed half.

When a feature is built, its line here is deleted; nothing else has to change.
"""

from collections.abc import Iterator, Mapping

from orchestration.book.problems import Fault, Problem
from orchestration.book.reading import Placed
from orchestration.book.schema import Amounts, Company, Contract, PriceItem, Version

RULE = "cannot_be_rated_yet"
# What free units are taken off: these price units, the others events, amounts or time.
MODELS_OF_UNITS = ("per_unit", "graduated", "graduated_percentage", "volume", "package", "matrix")


def company_problems(company: Placed[Company]) -> Iterator[Problem]:
    """Name what the company asks for that is not built."""
    if company.item.fx.reporting != "posting_date":
        feature = f"fx.reporting: {company.item.fx.reporting}"
        yield _refused(company, ("fx", "reporting"), feature, "Write posting_date.")


def price_problems(price: Placed[PriceItem]) -> Iterator[Problem]:
    """Name what a price asks for that is not built."""
    yield from _interval_problems(price)
    for number, version in enumerate(price.item.versions):
        for fault in _version_faults(price.item, price.item.model, version):
            yield price.problem(("versions", number, *fault.at), fault.rule, fault.message, fault.remedy)


def _interval_problems(price: Placed[PriceItem]) -> Iterator[Problem]:
    """A flat price may say that it is the plain month: once per billing period, with it, whole."""
    item = price.item
    plain = {"interval": "month", "bill": "arrears", "prorate": "none"}
    for name, possible in plain.items():
        said = getattr(item, name)
        if said is not None and item.model != "flat":
            yield _refused(price, (name,), f"{name} of model {item.model}", "Leave it out for now.")
        elif said is not None and said != possible:
            yield _refused(price, (name,), f"{name}: {said}", f"Write {possible}, or leave it out.")
    if item.model == "flat" and item.interval is not None and item.prorate is None:
        yield _refused(price, ("interval",), "a recurring price by the day", "Write prorate: none, or leave it out.")


def contract_problems(contract: Placed[Contract], prices: Mapping[str, PriceItem]) -> Iterator[Problem]:
    """Name what a contract asks for that is not built. `prices` are those of the book."""
    item = contract.item
    for name in ("quantities", "discounts", "credit_grants"):
        if getattr(item, name):
            yield _refused(contract, (name,), name, "Leave it out for now.")
    for name in ("minimum", "commitment", "renews", "amends"):
        if getattr(item, name) is not None:
            yield _refused(contract, (name,), name, "Leave it out for now.")
    if item.price_lock not in (None, False):
        yield _refused(contract, ("price_lock",), "price_lock", "Write the locked terms as overrides.")
    for place, override in enumerate(item.overrides):
        price = prices.get(override.price)
        for number, version in enumerate(override.versions):
            for fault in _version_faults(price, override.model or (price.model if price else "per_unit"), version):
                at = ("overrides", place, "versions", number, *fault.at)
                yield contract.problem(at, fault.rule, fault.message, fault.remedy)


def _version_faults(price: PriceItem | None, model: str, version: Version) -> Iterator[Fault]:
    if version.unit_conversion is not None:
        yield _fault(("unit_conversion",), "unit_conversion")
    if version.free_units is not None:
        yield from _free_units_faults(price, model, version)
    if version.flat_on_zero != "charge":
        yield _fault(("flat_on_zero",), f"flat_on_zero: {version.flat_on_zero}")
    if version.on_price_change != "restart":
        yield _fault(("on_price_change",), f"on_price_change: {version.on_price_change}")
    if version.tier_period != "billing":
        yield _fault(("tier_period",), f"tier_period: {version.tier_period}")
    if version.pool != "account":
        yield _fault(("pool",), f"pool: {version.pool}")
    # Usage of sum and count meters is earned as it is used, so saying so changes nothing.
    if version.recognise == "straight_line":
        yield _fault(("recognise",), f"recognise: {version.recognise}")
    if version.applies_to != "all":
        yield _fault(("applies_to",), f"applies_to: {version.applies_to}")
    if version.round_at == "event" and model != "percentage":
        yield _fault(("round_at",), f"round_at: event of model {model}")
    yield from _amount_faults((), version)
    for code, amounts in (version.currencies or {}).items():
        yield from _amount_faults(("currencies", code), amounts)
    # A bound holds for a period and a rate for a day: at which of them a bound is converted is open.
    if price is not None and price.convert is not None and (version.minimum is not None or version.maximum is not None):
        yield _fault((), "minimum and maximum of a price with convert")


def _amount_faults(at: tuple[str | int, ...], amounts: Amounts) -> Iterator[Fault]:
    if amounts.intervals is not None:
        yield _fault((*at, "intervals"), "intervals (a rate curve)")


def _free_units_faults(price: PriceItem | None, model: str, version: Version) -> Iterator[Fault]:
    if model not in MODELS_OF_UNITS:
        yield _fault(("free_units",), f"free_units of model {model}")
    if model != "matrix":
        return
    # Which cell the free units are taken from is the question; with a counter per cell there is none.
    by_currency = [version, *(version.currencies or {}).values()]
    asked = {name for amounts in by_currency if amounts.matrix is not None for name in amounts.matrix.dimensions}
    if not asked <= set(price.group_by if price else ()):
        message = "free_units of a matrix cannot be rated over several cells."
        yield Fault(("free_units",), RULE, message, f"Write group_by: [{', '.join(sorted(asked))}].")


def _fault(at: tuple[str | int, ...], feature: str) -> Fault:
    return Fault(at, RULE, f"{feature} cannot be rated yet.", "Leave it out for now.")


def _refused(placed: Placed, at: tuple[str | int, ...], feature: str, remedy: str) -> Problem:
    return placed.problem(at, RULE, f"{feature} cannot be rated yet.", remedy)
