"""What the schema knows and the engine cannot rate yet, refused by name: a book is never billed half.

When a feature is built, its line here is deleted; nothing else has to change.
"""

from collections.abc import Iterator, Mapping

from orchestration.book.problems import Fault, Problem
from orchestration.book.reading import Placed
from orchestration.book.schema import Company, Contract, PriceItem, Version

RULE = "cannot_be_rated_yet"


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
    """A flat price may be due by an interval of its own, whole and in arrears: neither prorated nor in advance."""
    item = price.item
    plain = {"interval": item.interval, "bill": "arrears", "prorate": "none"}
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
    # Usage of sum and count meters is earned as it is used, so saying so changes nothing.
    if version.recognise == "straight_line":
        yield _fault(("recognise",), f"recognise: {version.recognise}")
    if version.applies_to != "all":
        yield _fault(("applies_to",), f"applies_to: {version.applies_to}")
    if version.round_at == "event":
        yield from _fees_faults(price, model, version)
    yield from _pool_faults(model, version)
    # A bound holds for a period and a rate for a day: at which of them a bound is converted is open.
    if price is not None and price.convert is not None and (version.minimum is not None or version.maximum is not None):
        yield _fault((), "minimum and maximum of a price with convert")


def _fees_faults(price: PriceItem | None, model: str, version: Version) -> Iterator[Fault]:
    """Fees of single events: of a value, or of units that each cost the same whatever was used before."""
    at = ("round_at",)
    if model not in ("percentage", "per_unit"):
        yield _fault(at, f"round_at: event of model {model}")
    if model == "percentage":
        return
    if any(amounts.intervals is not None for amounts in (version, *(version.currencies or {}).values())):
        yield _fault(at, "round_at: event of intervals")
    if version.unit_conversion is not None and version.unit_conversion.round != "none":
        yield _fault(at, "round_at: event with a unit_conversion to whole units")
    if price is not None and price.group_by_shared_tiers:
        yield _fault(at, "round_at: event with group_by_shared_tiers")


def _pool_faults(model: str, version: Version) -> Iterator[Fault]:
    if version.pool == "payer" and model == "flat":
        yield Fault(("pool",), "wrong_term", "pool is not a term of model flat: it counts nothing.", "Drop it.")
    # A bound is of a contract, a pool of several: whose of them it takes off is open.
    by_currency = [version, *(version.currencies or {}).values()]
    if version.pool == "payer" and any(each.minimum or each.maximum for each in by_currency):
        yield _fault(("pool",), "minimum and maximum of a price with pool: payer")


def _fault(at: tuple[str | int, ...], feature: str) -> Fault:
    return Fault(at, RULE, f"{feature} cannot be rated yet.", "Leave it out for now.")


def _refused(placed: Placed, at: tuple[str | int, ...], feature: str, remedy: str) -> Problem:
    return placed.problem(at, RULE, f"{feature} cannot be rated yet.", remedy)
