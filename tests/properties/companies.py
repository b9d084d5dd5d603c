"""Small companies at random, as the typed tables that the builders of the night read.

Prices of every model, dated and timed changes, an override, allowances, costs; accounts in three zones and two
currencies, one of which may pay for another; usage around midnights, month turns and tier bounds, some of it unknown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import strategies as st

from data_contracts import (
    AccountRows,
    Companies,
    Contracts,
    Meters,
    PlanPrices,
    PriceConditions,
    PriceTiers,
    PriceVersions,
    RepeatedEvents,
    Table,
    UsageEvents,
)
from tests.tables import rows
from tests.transforms.chain import made

D = Decimal
AS_OF = "2026-09-10"
CURRENCIES = ("USD", "JPY")
ZONES = ("UTC", "Asia/Tokyo", "America/New_York")
ACCOUNTS = ("a", "b", "c", "d")
INSTANTS = (
    "2026-08-01T00:00", "2026-08-03T10:00", "2026-08-03T11:59:59.999999", "2026-08-03T12:00", "2026-08-03T14:59:59.999999",
    "2026-08-03T15:00", "2026-08-04T03:59", "2026-08-04T04:00", "2026-08-17T09:00", "2026-08-31T14:59",
    "2026-08-31T15:00", "2026-08-31T23:59:59.999999", "2026-09-01T00:00", "2026-09-01T04:00", "2026-09-05T20:00",
)  # fmt: skip
QUANTITIES = tuple(
    map(D, ("0", "0.5", "1", "2.000000000001", "9", "10", "10.000000000001", "99.999999999999", "333.3"))
)
UNIT_AMOUNTS = tuple(map(D, ("0", "0.0049", "0.005", "0.333333333333333333333333", "1", "17.005")))
FLATS = tuple(map(D, ("0", "0", "0.005", "4.99")))
DELIVERIES = ("2026-08-05", "2026-09-02", "2026-09-06")
Row = dict[str, Any]


@dataclass(frozen=True)
class Company:
    """The tables that are given; the rest is made."""

    accounts: tuple[Row, ...]
    contracts: tuple[Row, ...]
    versions: tuple[Row, ...]
    tiers: tuple[Row, ...]
    events: tuple[Row, ...]
    repeated: tuple[Row, ...] = ()

    def tables(self) -> dict[str, pl.LazyFrame]:
        """Return the tables as the builders take them."""
        book = {
            "meters": (Meters, METERS),
            "plan_prices": (PlanPrices, tuple({"plan_id": "payg", "price_id": price} for price in self.price_ids)),
            "price_conditions": (PriceConditions, tuple(_conditions(self.versions))),
            "account_rows": (AccountRows, self.accounts),
            "contracts": (Contracts, self.contracts),
            "price_versions": (PriceVersions, self.versions),
            "price_tiers": (PriceTiers, self.tiers),
            "usage_events": (UsageEvents, self.events),
            "repeated_events": (RepeatedEvents, self.repeated),
        }
        starts = rows(Companies, default_plan_id="payg", time_zone="UTC", billing_starts_on="2026-08-01")
        return {"companies": starts} | {name: frame(table, given) for name, (table, given) in book.items()}

    @property
    def price_ids(self) -> tuple[str, ...]:
        """The prices of the plan."""
        return tuple(dict.fromkeys(version["price_id"] for version in self.versions))

    def night(self, **options: Any) -> dict[str, pl.DataFrame]:
        """Make every table, as of 10 September."""
        return made("usage_outcomes", **{"as_of": AS_OF, **self.tables(), **options})

    def with_events(self, change: Callable[[int, Row], Sequence[Row]]) -> "Company":
        """Replace each event, counted from 0, by others."""
        return replace(self, events=tuple(new for number, row in enumerate(self.events) for new in change(number, row)))


METERS: tuple[Row, ...] = (
    {"meter": "tokens", "aggregation": "sum", "value": "quantity", "dimensions": '["model"]'},
    {"meter": "calls", "aggregation": "count", "value": "quantity", "dimensions": "[]"},
    {"meter": "payments", "aggregation": "sum", "value": "amount", "dimensions": "[]"},
)


def frame(table: type[Table], given: Sequence[Row]) -> pl.LazyFrame:
    """Return rows of text and numbers as a frame of the contract; what a row leaves out, `tests.tables` fills."""
    if not given:
        return table.empty().lazy()
    header = list(dict.fromkeys(name for row in given for name in row))
    lines = [" | ".join(_cell(row.get(name)) for name in header) for row in given]
    return rows(table, "\n".join([" | ".join(header), *lines]))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _conditions(versions: Sequence[Row]) -> list[Row]:
    asked = {(row["price_id"], row["meter"]): row["conditions"] for row in versions if row["conditions"] != "{}"}
    return [
        {"price_id": price, "meter": meter, "dimension": "model", "value": where.split('"')[3], "is_on_line": "true"}
        for (price, meter), where in asked.items()
    ]


def version(identity: str, meter: str, model: str, starts: str, **columns: Any) -> Row:
    """A version of a price that rates everything of its meter, as revenue, unless said otherwise."""
    timed = "T" in starts
    return {
        "price_version_id": identity,
        "price_id": identity.partition("@")[0].rpartition("/")[2],
        "contract_id": identity.rpartition("/")[0] or None,
        "meter": meter,
        "model": model,
        "kind": "revenue",
        "is_additive": "false",
        "conditions": "{}",
        "product_id": "api",
        "effective_from_date": None if timed else starts,
        "effective_from_at": starts if timed else None,
        "rounding": "half_up",
        "round_at": "event" if model == "percentage" else "period",
        "rate": None,
        "fixed_amount": None,
        "minimum_fee": None,
        "maximum_fee": None,
        "free_events": None,
        "free_amount": None,
        "free_rule": "first_exhausted",
        "quantity_limit": "1000000000",
        **columns,
    }


def pieces(identity: str, model: str, bands: Sequence[tuple[Decimal | None, Decimal, Decimal]]) -> list[Row]:
    """Tiers as the book writes them: R(x) = base + (x - offset) × unit."""
    found, below, due, lower = [], D(0), D(0), D(-1)
    for number, (up_to, unit_amount, flat_amount) in enumerate(bands, 1):
        graduated = model == "graduated"
        base = due + flat_amount if graduated else flat_amount
        found.append(
            {
                "price_version_id": identity,
                "tier": number,
                "lower_bound": lower,
                "up_to": up_to,
                "offset": below if graduated else D(0),
                "unit_amount": unit_amount,
                "flat_amount": flat_amount,
                "base_amount": base,
            }
        )
        if up_to is not None:
            # At most 24 places: bounds of the draw are whole, so nothing is cut.
            due, below, lower = base + (up_to - below) * unit_amount, up_to, up_to
    return found


@st.composite
def bands(draw: st.DrawFn, model: str) -> list[tuple[Decimal | None, Decimal, Decimal]]:
    """One band for per_unit, one to three for the others."""
    if model == "per_unit":
        return [(None, draw(st.sampled_from(UNIT_AMOUNTS)), D(0))]
    bounds = sorted(draw(st.sets(st.sampled_from([D(1), D(10), D(100)]), max_size=2)))
    amounts = st.tuples(st.sampled_from(UNIT_AMOUNTS), st.sampled_from(FLATS))
    return [(bound, *draw(amounts)) for bound in (*bounds, None)]


@st.composite
def companies(draw: st.DrawFn, *, models: Sequence[str] = ("per_unit", "graduated", "volume")) -> Company:
    """A company with its book, its accounts and up to 25 events."""
    model = st.sampled_from(models)
    small, large, calls, override = draw(model), draw(model), draw(model), draw(model)
    rounding = draw(st.sampled_from(["half_up", "half_even", "down", "up"]))
    terms = [
        version("s@1", "tokens", small, "2026-01-01", conditions='{"model":"s"}', rounding=rounding),
        version("l@1", "tokens", large, "2026-01-01", conditions='{"model":"l"}'),
        version("l@2", "tokens", large, draw(st.sampled_from(["2026-08-03T12:00", "2026-08-04"])), conditions='{"model":"l"}'),
        version("n@1", "calls", calls, draw(st.sampled_from(["2026-01-01", "2026-08-17"]))),
        version("k@1", "tokens", "per_unit", "2026-01-01", kind="cost"),
        version("deal/s@1", "tokens", override, "2026-08-03", conditions='{"model":"s"}'),
    ]  # fmt: skip
    tiers = [
        piece for row in terms for piece in pieces(row["price_version_id"], row["model"], draw(bands(row["model"])))
    ]
    fee = version(
        "f@1",
        "payments",
        "percentage",
        "2026-01-01",
        rate=D("0.012"),
        fixed_amount=draw(st.sampled_from([D(0), D("0.105")])),
        minimum_fee=draw(st.sampled_from([None, D("0.2")])),
        maximum_fee=draw(st.sampled_from([None, D("1.005")])),
        free_events=draw(st.sampled_from([None, 1, 2])),
        free_amount=draw(st.sampled_from([None, D("10.5")])),
        free_rule=draw(st.sampled_from(["first_exhausted", "both_exhausted"])),
        round_at=draw(st.sampled_from(["event", "period"])),
    )
    currencies = {name: draw(st.sampled_from(CURRENCIES)) for name in ACCOUNTS}
    return Company(
        accounts=tuple(
            {
                "account_id": name,
                "delivery_date": "2026-08-01",
                "currency": currencies[name],
                "time_zone": draw(st.sampled_from(ZONES)),
                "parent_account_id": draw(st.sampled_from([None, "a"])) if name in "bc" else None,
                "valid_from": draw(st.sampled_from(["2020-01-01", "2026-08-04"])),
            }
            for name in ACCOUNTS
        ),
        contracts=draw(
            st.sampled_from(
                [
                    (),
                    (
                        {
                            "contract_id": "deal",
                            "account_id": "c",
                            "plan_id": "payg",
                            "currency": None,
                            "starts_on": "2026-08-03",
                            "valid_from": "2026-08-03",
                            "has_overrides": "true",
                            "billing_interval": "month",
                            "billing_anchor": "1",
                        },
                    ),
                ]
            )
        ),
        versions=tuple(row | {"currency": currency} for row in [*terms, fee] for currency in CURRENCIES),
        tiers=tuple(row | {"currency": currency} for row in tiers for currency in CURRENCIES),
        events=tuple(_events(draw, currencies)),
    )


def _events(draw: st.DrawFn, currencies: dict[str, str]) -> list[Row]:
    drawn = draw(
        st.lists(
            st.tuples(
                st.sampled_from([*ACCOUNTS, *ACCOUNTS, "ghost"]),
                st.sampled_from(["tokens", "tokens", "tokens", "calls", "payments", "payments", "magic"]),
                st.sampled_from(["s", "s", "l", "x"]),
                st.sampled_from(INSTANTS),
                st.sampled_from(QUANTITIES),
                st.sampled_from(DELIVERIES),
            ),
            min_size=3,
            max_size=25,
        )
    )
    return [
        {
            "source": "",
            "event_id": f"e{number:02}",
            "account_id": account,
            "meter": meter,
            "dimensions": f'{{"model":"{model}"}}' if meter in ("tokens", "magic") else "{}",
            "occurred_at": occurred_at,
            "quantity": quantity,
            "amount": quantity if meter == "payments" else None,
            "value_currency": currencies.get(account, "USD") if meter == "payments" else None,
            "contract_id": None,
            "delivery_date": delivery_date,
        }
        for number, (account, meter, model, occurred_at, quantity, delivery_date) in enumerate(drawn)
    ]
