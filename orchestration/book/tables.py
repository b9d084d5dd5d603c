"""The known book and contracts as tables, exactly as their contracts say: sorted, decimals exact, nothing inferred."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from iso4217 import Currency as IsoCurrency

from data_contracts import (
    Companies,
    Contracts,
    CostConditions,
    CostMappings,
    CostMeters,
    Currencies,
    Exclusions,
    LegalEntities,
    Meters,
    PlanPrices,
    PriceCells,
    PriceConditions,
    PriceTiers,
    PriceVersions,
    Products,
    RateCurves,
    Table,
)
from data_contracts.price_cells import DEFAULT_CELL
from data_contracts.vocabulary import BEGINNING, FOREVER
from orchestration.book import cost_mapping
from orchestration.book.catalogue import Book
from orchestration.book.history import Recorded
from orchestration.book.schema import Meter, PriceItem
from orchestration.book.state import BookState
from orchestration.book.terms import (
    UNIT_FEE,
    Conversion,
    Terms,
    as_instant,
    at_24_places,
    group_limit,
    pieces,
    quantity_limit,
    written,
)
from transforms.aggregations import AGGREGATIONS

# Without a listed entity the company bills as itself; it states no country, and ZZ is ISO 3166's "unknown".
DERIVED_ENTITY, DERIVED_COUNTRY, DERIVED_PREFIX = "default", "ZZ", "INV"


def compile_tables(state: BookState, *, billing_starts_on: date) -> dict[str, pl.DataFrame]:
    """Return every table of the book by name, for `state`. Of the empty state all but `currencies` are empty."""
    versions = list(_version_rows(state)) if state.book is not None else []
    mappings = state.book.cost_mapping if state.book is not None else {}
    rows: dict[type[Table], Iterable[tuple[Any, ...]]] = {
        Companies: _companies(state.book, billing_starts_on),
        LegalEntities: _legal_entities(state.book),
        Currencies: _currencies(),
        Products: _products(state.book),
        Meters: _meters(state.book),
        PlanPrices: _plan_prices(state.book),
        PriceVersions: versions,
        PriceTiers: _tiers(state),
        PriceCells: _cells(state),
        RateCurves: _curves(state),
        PriceConditions: _conditions(state),
        Exclusions: _exclusions(state.book),
        CostMappings: cost_mapping.mapping_rows(mappings),
        CostConditions: cost_mapping.condition_rows(mappings),
        CostMeters: cost_mapping.meter_rows(mappings),
        Contracts: _contracts(state),
    }
    return {table.table_name: _frame(table, found) for table, found in rows.items()}


def _frame(table: type[Table], rows: Iterable[tuple[Any, ...]]) -> pl.DataFrame:
    columns = zip(*rows, strict=True)
    schema = table.schema()
    series = [pl.Series(name, values, dtype=schema[name]) for name, values in zip(schema, columns, strict=False)]
    return pl.DataFrame(series).sort(table.keys) if series else table.empty()


def _companies(book: Book | None, billing_starts_on: date) -> Iterator[tuple[Any, ...]]:
    if book is None:
        return
    company = book.company.item
    entity = company.legal_entities[0].id if company.legal_entities else DERIVED_ENTITY
    yield (
        company.name,
        company.time_zone,
        company.reporting_currency,
        company.fx.rate_type,
        company.fx.max_age_days,
        company.default_plan,
        entity,
        company.issue.starts_on,
        company.issue.grace_days,
        billing_starts_on,
    )


def _legal_entities(book: Book | None) -> Iterator[tuple[Any, ...]]:
    if book is None:
        return
    company = book.company.item
    if not company.legal_entities:
        yield (DERIVED_ENTITY, company.name, DERIVED_COUNTRY, company.reporting_currency, DERIVED_PREFIX)
    for entity in company.legal_entities:
        yield (entity.id, entity.name, entity.country, entity.currency, entity.invoice_prefix)


def _currencies() -> Iterator[tuple[Any, ...]]:
    for currency in IsoCurrency:
        # Gold, bond-market units and test codes have no minor unit: nobody is billed in them.
        if currency.exponent is not None:
            yield (currency.code, currency.currency_name, currency.exponent)


def _products(book: Book | None) -> Iterator[tuple[Any, ...]]:
    costed = (
        {price.item.product for price in book.prices.values() if price.item.kind == "cost"} if book else frozenset()
    )
    for placed in book.products.values() if book else ():
        product = placed.item
        basis = product.cost_basis or ("modelled" if product.id in costed else "actual")
        yield (product.id, product.name, product.revenue_account, basis)


def _meters(book: Book | None) -> Iterator[tuple[Any, ...]]:
    for placed in book.meters.values() if book else ():
        meter = placed.item
        yield (
            meter.id,
            meter.unit,
            meter.aggregation,
            meter.value,
            _carries_over(meter),
            meter.negative,
            _canonical(sorted(meter.dimensions)),
        )


def _carries_over(meter: Meter) -> bool:
    return bool(AGGREGATIONS[meter.aggregation].carries) if meter.carry_over is None else meter.carry_over


def _plan_prices(book: Book | None) -> Iterator[tuple[Any, ...]]:
    for placed in book.plans.values() if book else ():
        for entry in placed.item.prices:
            yield (placed.item.id, entry.price, entry.effective_from or BEGINNING)


def _conditions(state: BookState) -> Iterator[tuple[Any, ...]]:
    """Yield each dimension that a price looks at, in its own versions or in overrides."""
    asked: dict[str, set[str]] = defaultdict(set)
    for _, price, chains in _recorded(state):
        asked[price.id].update(_matrix_dimensions(chains))
    for placed in state.book.prices.values() if state.book else ():
        item = placed.item
        for dimension in sorted({*item.where, *item.group_by, *asked[item.id]}):
            is_on_line = dimension in item.where or dimension in item.group_by
            yield (item.id, dimension, item.meter or "", item.where.get(dimension), is_on_line)


def _matrix_dimensions(chains: list[list[Recorded]]) -> Iterator[str]:
    for chain in chains:
        for recorded in chain:
            for _, terms in recorded.version.terms:
                for cell in terms.cells:
                    yield from (name for name, _ in cell.where or ())


def _exclusions(book: Book | None) -> Iterator[tuple[Any, ...]]:
    for placed in book.exclusions.values() if book else ():
        rule = placed.item
        yield (rule.id, rule.kind, rule.meter, rule.account, rule.effective_from or BEGINNING, rule.reason)


def _contracts(state: BookState) -> Iterator[tuple[Any, ...]]:
    for states in state.contracts.values():
        ends = [following.valid_from for following in states[1:]] + [FOREVER]
        for found, valid_to in zip(states, ends, strict=True):
            item = found.item
            yield (
                item.contract_id,
                found.valid_from,
                valid_to,
                item.account_id,
                item.plan,
                item.billing.currency,
                item.starts_on,
                item.ends_on or FOREVER,
                item.billing.interval,
                item.billing.anchor_day,
                item.billing.anchor_date,
                item.billing.grace_days,
                bool(item.overrides),
                found.recorded_on,
                found.placed.place().document,
            )


def version_id(contract_id: str | None, price_id: str, starts: date | datetime, number: int) -> str:
    """Return `<price>@<from>`, before it `<contract>/` for an override, behind it `#n` for the n-th correction."""
    owner = f"{contract_id}/{price_id}" if contract_id is not None else price_id
    return f"{owner}@{written(starts)}" + (f"#{number}" if number else "")


def _recorded(state: BookState) -> Iterator[tuple[str | None, PriceItem, list[list[Recorded]]]]:
    """Yield each price and each override with its chains in the order of their starts."""
    if state.book is None:
        return
    for (contract_id, price_id), chains in state.chains.items():
        in_order = sorted(chains, key=lambda starts: (as_instant(starts), isinstance(starts, datetime)))
        yield contract_id, state.book.prices[price_id].item, [list(chains[starts]) for starts in in_order]


def _version_rows(state: BookState) -> Iterator[tuple[Any, ...]]:
    heads = _counter_heads(state)
    for contract_id, price, chains in _recorded(state):
        conditions = _canonical(price.where)
        first_with: dict[tuple[str, Terms], str] = {}
        for chain in chains:
            for number, recorded in enumerate(chain):
                identity = version_id(contract_id, price.id, recorded.version.starts, number)
                following = chain[number + 1] if number + 1 < len(chain) else None
                for currency, terms in recorded.version.terms:
                    terms_id = first_with.setdefault((currency, terms), identity)
                    yield (
                        identity,
                        currency,
                        price.id,
                        contract_id,
                        price.name or price.id,
                        price.fee_category,
                        price.passes_through,
                        price.product,
                        price.meter or "",
                        terms.model,
                        price.kind,
                        price.may_stand_beside,
                        price.convert is not None,
                        conditions,
                        *_start(recorded.version.starts),
                        recorded.recorded_on,
                        following.recorded_on if following else None,
                        version_id(contract_id, price.id, recorded.version.starts, number + 1) if following else None,
                        recorded.version.reason,
                        recorded.version.approved_by,
                        terms_id,
                        heads.get(identity),
                        price.interval,
                        terms.tier_period,
                        terms.pool,
                        price.group_by_shared_tiers,
                        terms.rounding,
                        terms.round_at,
                        at_24_places(terms.tiers[0].unit_amount) if terms.model in ("per_unit", UNIT_FEE) else None,
                        *_event_terms(terms),
                        terms.free_units,
                        *_conversion(terms),
                        terms.flat_on_zero,
                        terms.minimum,
                        terms.maximum,
                        quantity_limit(terms, by_group=bool(price.group_by)),
                        group_limit(terms) if price.group_by else None,
                        recorded.version.place.document,
                    )


def _counter_heads(state: BookState) -> dict[str, str]:
    """Return for each version that goes on with another one's counter the version with which that began.

    The first override of a contract goes on with the list version that was in force when it takes over.
    """
    heads: dict[str, str] = {}
    listed: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for contract_id, price, chains in sorted(_recorded(state), key=lambda found: found[0] is not None):
        head: str | None = None
        for chain in chains:
            starts = chain[0].version.starts
            if contract_id is not None and head is None:
                head = next((id_ for since, id_ in reversed(listed[price.id]) if since <= as_instant(starts)), None)
            begun = head
            for number, recorded in enumerate(chain):
                identity = version_id(contract_id, price.id, starts, number)
                head = begun if begun is not None and recorded.version.continues else identity
                if head != identity:
                    heads[identity] = head
            if contract_id is None and head is not None:
                listed[price.id].append((as_instant(starts), head))
    return heads


def _start(starts: date | datetime) -> tuple[date | None, datetime | None]:
    return (None, starts) if isinstance(starts, datetime) else (starts, None)


def _event_terms(terms: Terms) -> tuple[Any, ...]:
    event = terms.event
    if event is None:
        return (None, None, None, None, None, None, "first_exhausted")
    return (
        event.rate,
        event.fixed,
        event.minimum_fee,
        event.maximum_fee,
        event.free_events,
        event.free_amount,
        event.free_rule,
    )


def _conversion(terms: Terms) -> tuple[Any, ...]:
    conversion = terms.conversion
    if conversion == Conversion():
        return (None, None, None)
    rounds = conversion.round is not None
    return (Decimal(conversion.factor), Decimal(conversion.divisor) if rounds else None, conversion.round)


def _tiers(state: BookState) -> Iterator[tuple[Any, ...]]:
    for contract_id, price, chains in _recorded(state):
        for chain in chains:
            for number, recorded in enumerate(chain):
                identity = version_id(contract_id, price.id, recorded.version.starts, number)
                for currency, terms in recorded.version.terms:
                    for piece in pieces(terms):
                        yield (
                            identity,
                            currency,
                            piece.tier,
                            piece.lower_bound,
                            piece.up_to,
                            piece.offset,
                            at_24_places(piece.unit_amount),
                            Decimal(piece.flat_amount),
                            at_24_places(piece.base_amount),
                            piece.package_size,
                            piece.package_round,
                        )


def _cells(state: BookState) -> Iterator[tuple[Any, ...]]:
    for contract_id, price, chains in _recorded(state):
        for chain in chains:
            for number, recorded in enumerate(chain):
                identity = version_id(contract_id, price.id, recorded.version.starts, number)
                for currency, terms in recorded.version.terms:
                    for cell in terms.cells:
                        where = DEFAULT_CELL if cell.where is None else _canonical(dict(cell.where))
                        yield (identity, currency, where, at_24_places(cell.unit_amount))


def _curves(state: BookState) -> Iterator[tuple[Any, ...]]:
    for contract_id, price, chains in _recorded(state):
        for chain in chains:
            for number, recorded in enumerate(chain):
                identity = version_id(contract_id, price.id, recorded.version.starts, number)
                for currency, terms in recorded.version.terms:
                    for weekday, minute, unit_amount in terms.curve:
                        yield (identity, currency, weekday, minute, at_24_places(unit_amount))


def _canonical(value: Any) -> str:
    # The same text as everywhere dimensions are written: keys sorted, no blanks, no \u escapes.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
