"""The company of the benchmark: 100,000 accounts, 20 meters, five plans, and a price list for card payments.

Everything is a pure function of a number through the demo's draws, so every machine lands the same bytes.
"""

import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from orchestration.demo.draws import below

ACCOUNT_COUNT = 100_000
SIGNED = 10_000  # the accounts of the first ranks have a contract, all others are on the default plan
FAMILIES = 5
METERS_OF_FAMILY = 4
TIERS = ("basic", "plus", "pro")
REGIONS = tuple(f"region-{number}" for number in range(8))
MODELS = tuple(f"model-{number:02d}" for number in range(16))
ZONES = (
    *("America/New_York", "America/Los_Angeles", "America/Sao_Paulo", "Europe/Berlin", "Europe/London"),
    *("Asia/Tokyo", "Asia/Kolkata", "UTC"),
)
# Thousandths of the accounts; the yen has no minor unit, the dinar three digits.
CURRENCIES = {"USD": 600, "EUR": 250, "JPY": 100, "KWD": 50}
UNITS_OF_CURRENCY = {"USD": 1, "EUR": 1, "JPY": 150, "KWD": 1}
BRANDS = ("amex", "diners", "discover", "jcb", "mastercard", "visa")
CARD_REGIONS = ("domestic", "regional", "foreign")
MINOR_DIGITS = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}


def account_of_rank(rank: pl.Expr) -> pl.Expr:
    """Number of the account with that rank by size: a permutation, so that ids and sizes do not go together."""
    return (rank * 7_919 + 13) % ACCOUNT_COUNT


def accounts() -> pl.DataFrame:
    """Return one row per account as it is delivered, with `rank`, `number`, `family` and `plan` beside."""
    shares = [name for name, share in CURRENCIES.items() for _ in range(share)]
    number, plan = pl.col("number"), 1 + pl.col("rank") % (FAMILIES - 1)
    return (
        pl.DataFrame({"rank": range(ACCOUNT_COUNT)}, schema={"rank": pl.Int64})
        .with_columns(account_of_rank(pl.col("rank")).alias("number"))
        .with_columns(
            pl.format("acct-{}", number.cast(pl.String).str.zfill(6)).alias("account_id"),
            pl.format("Company {}", number).alias("name"),
            pl.lit(pl.Series(shares)).gather(below(1_000, "account.currency", number)).alias("currency"),
            pl.lit(pl.Series(ZONES)).gather(below(len(ZONES), "account.zone", number)).alias("time_zone"),
            pl.when(pl.col("rank") < SIGNED).then(plan).otherwise(0).alias("plan"),
        )
        .sort("number")
    )


def landed_accounts() -> pl.DataFrame:
    """Return the accounts as the company delivers them."""
    return accounts().select("account_id", "name", "currency", "time_zone", pl.lit("2026-01-01").alias("valid_from"))


def meter_id(number: int) -> str:
    """Id of a meter."""
    return f"meter-{number:02d}"


def plan_id(number: int) -> str:
    """Id of a plan; plan 0 is the default plan."""
    return f"plan-{number}"


def families_of_plan(number: int) -> tuple[int, ...]:
    """Families of meters that a plan sells: everybody's, and, for an account with a contract, one of its plan's own."""
    return (0, number) if number else (0,)


def metered_book() -> dict[str, Any]:
    """Return the price book of the metered workload: 20 meters, 30 prices, 5 plans of 12 prices."""
    of_family = [
        [price for number in range(METERS_OF_FAMILY) for price in _prices_of_meter(family * METERS_OF_FAMILY + number)]
        for family in range(FAMILIES)
    ]
    return {
        "company": _company(),
        "products": [{"id": f"family-{number}", "name": f"Family {number}"} for number in range(FAMILIES)],
        "meters": [
            {"id": meter_id(number), "unit": "unit", "aggregation": "sum", "dimensions": ["model", "region", "tier"]}
            for number in range(FAMILIES * METERS_OF_FAMILY)
        ],
        "prices": [price for prices in of_family for price in prices],
        "plans": [
            {
                "id": plan_id(number),
                "prices": [price["id"] for family in families_of_plan(number) for price in of_family[family]],
            }
            for number in range(FAMILIES)
        ],
    }


def _company() -> dict[str, Any]:
    return {
        "name": "Benchmark",
        "time_zone": "UTC",
        "reporting_currency": "USD",
        "default_plan": plan_id(0),
        "legal_entities": [
            {"id": "us", "name": "Benchmark Inc.", "country": "US", "currency": "USD", "invoice_prefix": "B"}
        ],
    }


def _prices_of_meter(number: int) -> Iterator[dict[str, Any]]:
    """One price per meter; the last meter of a family is priced by tier. Models 40 : 40 : 20 over the meters."""
    model = ("per_unit", "graduated", "volume", "per_unit", "graduated")[number % 5]
    conditions: list[dict[str, str]] = [{"tier": tier} for tier in TIERS] if number % METERS_OF_FAMILY == 3 else [{}]
    for place, where in enumerate(conditions):
        seed = number * 10 + place
        yield {
            "id": f"{meter_id(number)}-{where['tier']}" if where else meter_id(number),
            "product": f"family-{number // METERS_OF_FAMILY}",
            "meter": meter_id(number),
            **({"where": where} if where else {}),
            "model": model,
            "versions": [_version(model, seed, start, place) for place, start in enumerate(_starts(number))],
        }


def _starts(number: int) -> list[str]:
    """Half of the prices never change, three in ten change on a day, two in ten at an instant inside a day."""
    further = {5: "2026-09-11", 6: "2026-09-11", 7: "2026-09-21", 8: "2026-09-16T12:00:00Z", 9: "2026-09-05T07:30:00Z"}
    return ["2026-01-01", *([further[number % 10]] if number % 10 in further else [])]


def _version(model: str, seed: int, starts: str, place: int) -> dict[str, Any]:
    amounts = {name: _amounts(model, seed, factor, place) for name, factor in UNITS_OF_CURRENCY.items()}
    return {"effective_from": starts, "currencies": amounts}


def _amounts(model: str, seed: int, factor: int, place: int) -> dict[str, Any]:
    """Unit amounts of 1e-8 to 1e-2 with up to ten digits, cheaper by the tier, dearer by the version."""
    digits = 4 + seed % 5
    base = factor * (1_013 + seed * 37) * (10 + place)

    def unit(share: int) -> str:
        amount = base * share
        return f"{amount // 10 ** (digits + 4)}.{amount % 10 ** (digits + 4):0{digits + 4}d}"

    if model == "per_unit":
        return {"unit_amount": unit(10)}
    bounds = [str(10 ** (2 + step) * (1 + seed % 3)) for step in range(1 + seed % 4)]
    return {
        "tiers": [
            {"up_to": bound, "unit_amount": unit(10 - step), "flat_amount": str(step)}
            for step, bound in enumerate([*bounds, None])
        ]
    }


def payment_book() -> dict[str, Any]:
    """Return the price book of the payments: one percentage price per brand and region of the card."""
    prices = [
        {
            "id": f"card-{brand}-{region}",
            "product": "cards",
            "meter": "payments",
            "where": {"card": brand, "card_region": region},
            "model": "percentage",
            "versions": [
                {"effective_from": starts, "currencies": _fees(10 * number + place)}
                for place, starts in enumerate(["2026-01-01", *(["2026-09-16"] if number % 3 == 0 else [])])
            ],
        }
        for number, (brand, region) in enumerate((brand, region) for brand in BRANDS for region in CARD_REGIONS)
    ]
    return {
        "company": _company(),
        "products": [{"id": "cards", "name": "Card processing"}],
        "meters": [
            {
                "id": "payments",
                "unit": "currency",
                "aggregation": "sum",
                "value": "amount",
                "dimensions": ["card", "card_region"],
            }
        ],
        "prices": prices,
        "plans": [{"id": plan_id(number), "prices": [price["id"] for price in prices]} for number in range(FAMILIES)],
    }


def _fees(seed: int) -> dict[str, Any]:
    rate = f"0.0{120 + seed % 190:03d}"
    fixed = {"USD": "0.10", "EUR": "0.08", "JPY": "12", "KWD": "0.025"}
    least = {"USD": "0.25", "EUR": "0.20", "JPY": "30", "KWD": "0.050"}
    most = {"USD": "12.00", "EUR": "10.00", "JPY": "1500", "KWD": "4.500"}
    return {
        name: {"percentage": {"rate": rate, "fixed": fixed[name], "min": least[name], "max": most[name]}}
        for name in CURRENCIES
    }


def contracts(overridden: str, terms: dict[str, Any]) -> Iterator[str]:
    """Yield the contracts as lines of JSON; every tenth overrides a price of its plan, in its own currency."""
    signed = accounts().filter(pl.col("rank") < SIGNED).sort("rank")
    for rank, account, plan, currency in signed.select("rank", "account_id", "plan", "currency").iter_rows():
        contract: dict[str, Any] = {
            "contract_id": f"contract-{rank:05d}",
            "account_id": account,
            "plan": plan_id(plan),
            "starts_on": "2026-01-01",
        }
        if rank % 10 == 0:
            contract["billing"] = {"currency": currency}
            contract["overrides"] = [{"price": overridden, "versions": [terms[currency]]}]
        yield json.dumps(contract, separators=(",", ":")) + "\n"


METERED_OVERRIDE = {name: {"unit_amount": f"{factor}.0012345"} for name, factor in UNITS_OF_CURRENCY.items()}
PAYMENT_OVERRIDE = {name: {"percentage": {"rate": "0.0095", "fixed": "0"}} for name in CURRENCIES}
