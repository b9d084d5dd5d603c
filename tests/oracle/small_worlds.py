"""Worlds of a few lines, for worked examples: one account, one meter, one contract over every price."""

from datetime import date, datetime
from decimal import Decimal

from tests.oracle.reference import Account, Contract, Event, Meter, Plan, PlanEntry, Price, Tier, Version, World

D = Decimal
GOLDEN_TIERS = (
    Tier(D(1000), D("0.010"), D(5)),
    Tier(D(5000), D("0.008"), D(3)),
    Tier(None, D("0.005"), D(0)),
)


def world(prices, events, **changes):
    """One account in UTC and USD with one signed contract over every price, from August 2026."""
    values = {
        "accounts": (Account("acme", "USD"),),
        "meters": (Meter("tokens"),),
        "prices": tuple(prices),
        "plans": (Plan("pro", tuple(PlanEntry(price.id) for price in prices)),),
        "contracts": (Contract("c1", "acme", "pro", date(2026, 8, 1)),),
        "events": tuple(events),
        "billing_starts_on": date(2026, 8, 1),
        "as_of": date(2026, 8, 31),
    }
    return World(**(values | changes))


def price(
    terms, *, name="tokens", meter="tokens", effective_from=date(2026, 1, 1), currency="USD", version=None, **changes
):
    """A price with one version, of which `version` says more."""
    only = Version(effective_from, {currency: terms}, **(version or {}))
    return Price(name, meter, type(terms).__name__.lower(), (only,), **changes)


def use(instant, quantity="1", **changes):
    """An event of `acme`; its id is its instant."""
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    values = {
        "source": "",
        "id": instant.isoformat(),
        "account": "acme",
        "meter": "tokens",
        "occurred_at": instant,
        "quantity": D(quantity),
        "delivery_date": date(2020, 1, 1),  # known from ever
    }
    return Event(**(values | changes))


def rows(result, *names):
    """Some columns of every line."""
    return [tuple(getattr(line, name) for name in names) for line in result.lines]
