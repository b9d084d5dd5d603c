"""Contracts through deliveries: states with the day from which they hold, and the versions of their own prices."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from orchestration.book import rateable
from orchestration.book.catalogue import Book, counter_problems, interval_problems, model_problems, unknown_name
from orchestration.book.history import Chain, Chains, continued
from orchestration.book.problems import Problem
from orchestration.book.reading import Placed, read_contract_file
from orchestration.book.schema import Contract, Override, Version, version_faults
from orchestration.book.terms import BookVersion, amount_faults, in_order, version_terms
from transforms.periods import period_start


@dataclass(frozen=True)
class ContractState:
    """A contract as it stands from `valid_from` on, until the next state."""

    placed: Placed[Contract]
    valid_from: date
    recorded_on: date

    @property
    def item(self) -> Contract:
        """What the document says."""
        return self.placed.item


@dataclass(frozen=True)
class Agreements:
    """All states of all contracts, and all versions, overrides among them."""

    states: Mapping[str, tuple[ContractState, ...]]
    chains: Mapping[tuple[str | None, str], Mapping[date | datetime, Chain]]


def with_contracts(
    book: Book | None,
    chains: Mapping[tuple[str | None, str], Chains],
    states: Mapping[str, tuple[ContractState, ...]],
    delivery_date: date,
    files: Mapping[str, str],
) -> tuple[Agreements, list[Problem]]:
    """Add the contracts of one delivery. A file with a problem is refused whole, the others are taken."""
    contracts: list[Placed[Contract]] = []
    problems: list[Problem] = []
    for path in sorted(files):
        read, of_file = read_contract_file(path, files[path])
        contracts.extend(read)
        problems.extend(of_file)
    problems.extend(_named_twice(contracts))
    agreed = Agreements(dict(states), dict(chains))
    # Each file is tried against what is known, so that one refused file does not take others with it.
    for path in sorted(files):
        if any(problem.path == path for problem in problems):
            problems.extend(_more_problems(book, agreed, delivery_date, _of(path, contracts)))
            continue
        next_agreed, found_problems = _with_file(book, agreed, delivery_date, _of(path, contracts))
        problems.extend(found_problems)
        agreed = agreed if found_problems else next_agreed
    return agreed, problems


def _of(path: str, contracts: list[Placed[Contract]]) -> list[Placed[Contract]]:
    return [contract for contract in contracts if contract.path == path]


def _more_problems(
    book: Book | None, agreed: Agreements, delivery_date: date, contracts: list[Placed[Contract]]
) -> list[Problem]:
    """Find what else is wrong in a file that is refused already."""
    return _with_file(book, agreed, delivery_date, contracts)[1]


def _with_file(
    book: Book | None, agreed: Agreements, delivery_date: date, contracts: list[Placed[Contract]]
) -> tuple[Agreements, list[Problem]]:
    states, chains, problems = dict(agreed.states), dict(agreed.chains), []
    for contract in contracts:
        known = states.get(contract.item.contract_id, ())
        if known and known[-1].item == contract.item:
            continue
        found = list(_contract_problems(book, contract))
        state = _next_state(known, contract, delivery_date)
        found.extend(_account_change(known, state))
        found.extend(_currency_change(known, state))
        found.extend(_rhythm_change(known, state))
        if book is not None and not found:
            own, found = _with_overrides(book, chains, known, state)
            chains.update(own)
        problems.extend(found)
        # What begins earlier and was said later holds from then on; states it overtakes leave no day behind.
        kept = tuple(earlier for earlier in known if earlier.valid_from < state.valid_from)
        states[contract.item.contract_id] = (*kept, state)
    return Agreements(states, chains), problems


def _next_state(known: tuple[ContractState, ...], contract: Placed[Contract], delivery_date: date) -> ContractState:
    item = contract.item
    default = delivery_date if known else item.starts_on
    return ContractState(contract, item.valid_from or default, delivery_date)


def _named_twice(contracts: list[Placed[Contract]]) -> Iterator[Problem]:
    first: dict[str, Placed[Contract]] = {}
    for contract in contracts:
        other = first.setdefault(contract.item.contract_id, contract)
        if other is not contract:
            for one, its_twin in ((contract, other), (other, contract)):
                message = f"{one.item.contract_id} stands twice in one delivery, also at {its_twin.place().document}."
                yield one.problem((), "duplicate_id", message, "Keep one of them.")


def _contract_problems(book: Book | None, contract: Placed[Contract]) -> Iterator[Problem]:
    item = contract.item
    yield from rateable.contract_problems(
        contract, {name: price.item for name, price in book.prices.items()} if book else {}
    )
    if book is None:
        message = f"plan {item.plan} is not known: no price book was accepted yet."
        yield contract.problem(("plan",), "unknown_reference", message, "Deliver the price book first.")
        return
    plan = book.plans.get(item.plan)
    if plan is None:
        message, remedy = unknown_name("plan", item.plan, list(book.plans))
        yield contract.problem(("plan",), "unknown_reference", message, remedy)
        return
    in_plan = [entry.price for entry in plan.item.prices]
    for number, override in enumerate(item.overrides):
        if override.price not in in_plan:
            message, remedy = unknown_name("price", override.price, in_plan)
            message = f"{message.removesuffix('.')} in plan {item.plan}."
            yield contract.problem(("overrides", number, "price"), "unknown_reference", message, remedy)
        else:
            yield from _override_problems(book, contract, number, override)


def _override_problems(book: Book, contract: Placed[Contract], number: int, override: Override) -> Iterator[Problem]:
    price = book.prices[override.price].item
    if price.kind == "cost":
        message = f"{price.id} is a cost: what usage costs us does not depend on the contract."
        yield contract.problem(
            ("overrides", number, "price"), "contradiction", message, "Override revenue prices only."
        )
        return
    model, currency = override.model or price.model, _currency(contract.item, price.currency)
    meter = book.meters.get(price.meter or "")
    if meter is None and model != "flat":
        message = f"{price.id} has no meter, and model {model} rates usage of one."
        yield contract.problem(("overrides", number, "model"), "contradiction", message, "Use model flat.")
    if model != price.model and override.versions[0].on_price_change == "continue":
        message = f"an override of model {model} cannot continue the counter of {price.id}, which is {price.model}."
        where = ("overrides", number, "versions", 0, "on_price_change")
        yield contract.problem(where, "contradiction", message, "Say on_price_change: restart.")
    if meter is not None:
        yield from model_problems(contract, ("overrides", number), model, override.versions, meter)
    for place, version in enumerate(override.versions):
        at = ("overrides", number, "versions", place)
        for fault in version_faults(model, currency, version, at):
            yield contract.problem(fault.at, fault.rule, fault.message, fault.remedy)


def _currency(contract: Contract, of_price: str | None) -> str | None:
    return contract.billing.currency or of_price


def _account_change(known: tuple[ContractState, ...], state: ContractState) -> Iterator[Problem]:
    """A contract is one account's for ever: counters and rounding run by contract, and must not run on elsewhere."""
    if not known or known[-1].item.account_id == state.item.account_id:
        return
    message = f"{state.item.contract_id} belongs to account {known[-1].item.account_id}."
    remedy = "End it with ends_on, and give the other account a contract of its own."
    yield state.placed.problem(("account_id",), "contradiction", message, remedy)


def _currency_change(known: tuple[ContractState, ...], state: ContractState) -> Iterator[Problem]:
    billing = state.item.billing
    if not known or known[-1].item.billing.currency == billing.currency:
        return
    start = period_start(state.valid_from, billing.interval, billing.anchor_date)
    if start != state.valid_from:
        message = f"the currency changes on {state.valid_from}, inside the billing period that starts on {start}."
        remedy = "Write valid_from: the first day of a billing period."
        yield state.placed.problem(("billing", "currency"), "contradiction", message, remedy)


def _rhythm_change(known: tuple[ContractState, ...], state: ContractState) -> Iterator[Problem]:
    """Periods are counted, rounded and billed by contract: none may be cut in two, or belong to two rhythms."""
    if not known:
        return
    before, after = known[-1].item.billing, state.item.billing
    if (before.interval, before.anchor_date) != (after.interval, after.anchor_date):
        message = f"{state.item.contract_id} is billed by the {before.interval}, anchored on {before.anchor_date}."
        remedy = "End it with ends_on, and sign a new contract with the new billing."
        yield state.placed.problem(("billing",), "contradiction", message, remedy)


def _with_overrides(
    book: Book,
    chains: Mapping[tuple[str | None, str], Chains],
    known: tuple[ContractState, ...],
    state: ContractState,
) -> tuple[dict[tuple[str | None, str], Chains], list[Problem]]:
    item, placed = state.item, state.placed
    own: dict[tuple[str | None, str], Chains] = {}
    problems: list[Problem] = []
    for number, override in enumerate(item.overrides):
        key = (item.contract_id, override.price)
        before = chains.get(key, {})
        versions = _versions(book, state, number, override, before)
        problems.extend(
            version.place.problem(fault.rule, f"{code}: {fault.message}", fault.remedy)
            for version in versions
            for code, terms in version.terms
            for fault in amount_faults(terms)
        )
        problems.extend(interval_problems(in_order(versions)))
        problems.extend(counter_problems(in_order(versions)))
        owner = placed.place("overrides", number)
        own[key], found = continued(before, versions, state.recorded_on, owner)
        problems.extend(found)
    named = {override.price for override in item.overrides}
    earlier = {override.price for before in known for override in before.item.overrides}
    for price in sorted(earlier - named):
        message = f"the override of {price} is gone."
        remedy = "Put it back: absence is never a change. To end it, add a version with the list price's terms."
        problems.append(placed.problem((), "version_vanished", message, remedy))
    return own, problems


def _versions(book: Book, state: ContractState, number: int, override: Override, before: Chains) -> list[BookVersion]:
    price = book.prices[override.price].item
    model, currency = override.model or price.model, _currency(state.item, price.currency)
    return [
        version_terms(
            model,
            currency,
            version,
            state.placed.place("overrides", number, "versions", place),
            _starts(version, state, before),
        )
        for place, version in enumerate(override.versions)
    ]


def _starts(version: Version, state: ContractState, before: Chains) -> date | datetime:
    """Return when an override begins: as it says, else with the contract, else with the state that first has it.

    The last keeps a new override of a running contract out of the past; a known one keeps the day it was given.
    """
    if version.starts is not None:
        return version.starts
    days = [starts for starts in before if not isinstance(starts, datetime)]
    return min(days) if days else max(state.item.starts_on, state.valid_from)
