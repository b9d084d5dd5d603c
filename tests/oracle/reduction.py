"""The smallest world that still differs: pieces are left out as long as the difference stays."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tests.oracle.reference import World


def reduced(world: World, differs: Callable[[World], bool], tries: int = 60) -> World:
    """Leave out events, accounts, contracts, plans, prices, versions and rates, halves first, while it differs.

    `differs` runs a night, so `tries` bounds how often it is asked.
    """
    asked = 0
    shrinks = True
    while shrinks:
        shrinks = False
        for smaller in smaller_worlds(world):
            if asked == tries:
                return world
            asked += 1
            if differs(smaller):
                world, shrinks = smaller, True
                break
    return world


def smaller_worlds(world: World) -> Iterator[World]:
    """Worlds with less in them, the largest pieces first; references stay whole."""
    for name in ("accounts", "events", "contracts", "rates", "exclusions", "plans", "prices"):
        for kept in fewer(getattr(world, name)):
            yield consistent(replace(world, **{name: kept}))
    for place, price in enumerate(world.prices):
        for versions in fewer(price.versions):
            if versions:
                changed = replace(price, versions=versions)
                yield replace(world, prices=(*world.prices[:place], changed, *world.prices[place + 1 :]))
    for place, contract in enumerate(world.contracts):
        for overrides in fewer(contract.overrides):
            changed = replace(contract, overrides=overrides)
            yield replace(world, contracts=(*world.contracts[:place], changed, *world.contracts[place + 1 :]))
    for place, plan in enumerate(world.plans):
        for entries in fewer(plan.prices):
            changed = replace(plan, prices=entries)
            yield consistent(replace(world, plans=(*world.plans[:place], changed, *world.plans[place + 1 :])))


def fewer(items: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """The items without one half, quarter, … of them, down to without a single one."""
    size = len(items)
    while size > 1:
        size = (size + 1) // 2
        for start in range(0, len(items), size):
            yield (*items[:start], *items[start + size :])
    if len(items) == 1:
        yield ()


def consistent(world: World) -> World:
    """The same without what refers to something that is gone."""
    accounts = {account.id for account in world.accounts}
    plans = {plan.id for plan in world.plans}
    prices = {price.id for price in world.prices}
    sold = tuple(
        replace(plan, prices=tuple(entry for entry in plan.prices if entry.price in prices)) for plan in world.plans
    )
    signed = tuple(
        replace(contract, overrides=tuple(o for o in contract.overrides if o.price in sold_by(sold, contract.plan)))
        for contract in world.contracts
        if contract.account in accounts and contract.plan in plans
    )
    known = {"nobody", *accounts}
    return replace(
        world,
        plans=sold,
        contracts=signed,
        events=tuple(event for event in world.events if event.account in known),
        exclusions=tuple(rule for rule in world.exclusions if rule.account in accounts),
        default_plan=world.default_plan if world.default_plan in plans else None,
    )


def sold_by(plans: Sequence[Any], name: str) -> set[str]:
    return {entry.price for plan in plans if plan.id == name for entry in plan.prices}
