"""Many accounts of few: a company whose accounts are copied with their contracts, each with usage of its own.

Drawing a world costs more than rating it, so the long run draws one company and lets a crowd use its prices: every copy
keeps some of the original's events, moves some to the instants of others, and takes other quantities and values.
"""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from random import Random

from tests.oracle.reference import Event, World
from tests.oracle.worlds import QUANTITIES, VALUES


def crowd(world: World, copies: int, seed: int) -> World:
    """The world with `copies` more of every account."""
    chance = Random(seed)
    events: dict[str, list[Event]] = defaultdict(list)
    for event in world.events:
        events[event.account].append(event)
    accounts, contracts, happened = [*world.accounts], [*world.contracts], [*world.events]
    for number in range(1, copies + 1):

        def name(old: str | None, number: int = number) -> str | None:
            return old and f"{old}.{number}"

        for account in world.accounts:
            accounts.append(replace(account, id=name(account.id), payer=name(account.payer)))
            happened += [
                replace(
                    event,
                    id=name(event.id),
                    account=name(event.account),
                    contract=name(event.contract),
                    reverses=name(event.reverses),
                    amends=name(event.amends),
                )
                for event in used_otherwise(events[account.id], chance)
            ]
        contracts += [
            replace(contract, id=name(contract.id), account=name(contract.account)) for contract in world.contracts
        ]
    return replace(world, accounts=tuple(accounts), contracts=tuple(contracts), events=tuple(happened))


def used_otherwise(events: list[Event], chance: Random) -> list[Event]:
    """Some of the events, some of them at another one's instant and delivery, with other quantities and values."""
    found: dict[tuple[str, str], Event] = {}
    for event in events:
        if chance.random() < 0.3:
            continue
        changed = event
        if event.reverses is None and event.amends is None and chance.random() < 0.4:
            other = chance.choice(events)
            changed = replace(changed, occurred_at=other.occurred_at, delivery_date=other.delivery_date)
        named = found.get((event.source, event.reverses or ""))
        if named is not None:  # a reversal says what its event says
            changed = replace(changed, quantity=named.quantity, amount=named.amount, dimensions=named.dimensions)
        elif event.reverses is None and chance.random() < 0.6:
            changed = replace(changed, quantity=size_of(event, chance), amount=value_of(event, chance))
        found[event.source, event.id] = changed
    return list(found.values())


def size_of(event: Event, chance: Random) -> Decimal:
    """Another quantity of the same sign; a value in money is measured in ones."""
    if event.amount is not None:
        return event.quantity
    return chance.choice(QUANTITIES).copy_sign(event.quantity)


def value_of(event: Event, chance: Random) -> Decimal | None:
    """Another value of the same sign, where the event has one."""
    return None if event.amount is None else chance.choice(VALUES).copy_sign(event.amount)
