"""Why a line costs what it costs: found in the published run, recomputed from its events, step by step.

The arithmetic here is plain fractions, tier by tier, and shares nothing with the expressions that made the line, so
that an agreement says something.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

import polars as pl

from data_contracts import (
    AccountContracts,
    Accounts,
    Companies,
    Currencies,
    LineItems,
    Meters,
    PlanPrices,
    PostedLineItems,
    PriceCells,
    PriceConditions,
    PricedUsage,
    PriceTiers,
    PriceVersions,
    Rates,
    Reversals,
    Table,
    UsageEvents,
    UsageSlots,
    ZoneDays,
)
from data_contracts.price_cells import DEFAULT_CELL
from orchestration.build import Build, open_build
from orchestration.errors import UsageError
from orchestration.explain_closed import difference, known_at_close
from orchestration.explain_counter import (
    counted_before,
    events_of_counter,
    hours,
    is_shared,
    lines_of_counter,
    not_a_bound,
    shares,
)
from orchestration.explain_exchange import ratio, reported
from orchestration.explain_levels import counted, of_levels
from orchestration.publish import published_run
from orchestration.settings import Settings
from orchestration.taken_back import described, taken_back
from transforms.price_bounds import BOUND_KINDS
from transforms.reversed_usage import standing
from transforms.usage_cells import CELL, covered_meters, with_cell

Row = dict[str, Any]
MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN, "up": ROUND_UP}
# To whole units, of a size without its sign.
WHOLE: dict[str, Callable[[Fraction], int]] = {
    "up": ceil,
    "down": floor,
    "half_up": lambda size: floor(size * 2 + 1) // 2,
}
CELL_TABLES = (Accounts, AccountContracts, Meters, PlanPrices, PriceConditions, PriceVersions, UsageSlots, ZoneDays)
# A local day lies within two days of the UTC day of the same date.
DAY_MARGIN = timedelta(days=2)
# Wide enough for every number of the night: 14 digits before the point, 40 behind it.
WIDE = Context(prec=80)
# Amounts are correct to 24 places per named operation; a day's line has a handful of them.
TOLERANCE = Fraction(10, 10**24)
SHOWN_EVENTS = 20


@dataclass
class Explanation:
    """A line, the events behind it, each step of the arithmetic, and whether the steps lead to what is published."""

    line: Row
    events: list[Row]
    taken_back: list[Row] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    quantity: Fraction = Fraction(0)
    # Of a meter that does not add up: what each counter holds before the day and through it.
    counted: dict[str, tuple[Fraction, Fraction]] = field(default_factory=dict)
    amount_exact: Fraction = Fraction(0)
    amount: Decimal = Decimal(0)
    ratio: Fraction = Fraction(1)  # from the price's currency into the line's
    amount_reporting: Decimal | None = None

    @property
    def agrees(self) -> bool:
        """Whether quantity, exact, rounded and reported amount come out as published."""
        tolerance = TOLERANCE * max(1, len(self.events)) * max(Fraction(1), self.ratio)
        return (
            self.quantity == Fraction(self.line["quantity"])
            and abs(self.amount_exact - Fraction(self.line["amount_exact"])) <= tolerance
            and self.amount == self.line["amount"]
            and self.amount_reporting == self.line["amount_reporting"]
        )

    def as_dict(self) -> Row:
        """Return everything, for JSON."""
        return {
            "line": self.line,
            "events": self.events,
            "taken_back": self.taken_back,
            "steps": self.steps,
            "recomputed": {
                "quantity": plain(self.quantity),
                "amount_exact": plain(self.amount_exact),
                "amount": str(self.amount),
            },
            "agrees": self.agrees,
        }

    def as_text(self, compared_with: str = "the published one") -> str:
        """Return the explanation for a person."""
        line = self.line
        shown = [
            f"  {event['occurred_at']}  {plain(event['measured']):>20}  {event['event_id']}  "
            f"{event['source_file']}:{event['source_line']}"
            for event in self.events[:SHOWN_EVENTS]
        ]
        if len(self.events) > SHOWN_EVENTS:
            shown.append(f"  … and {len(self.events) - SHOWN_EVENTS} more (all of them with --json)")
        verdict = "agrees with" if self.agrees else "DIFFERS FROM"
        return "\n".join(
            [
                line["line_item_id"],
                "{kind} of {account_id}, paid by {payer_id}, contract {contract_id}, product {product_id}".format(
                    **line
                ),
                "used on {service_date}, posted on {posting_date}, billing period {billing_period_start} to "
                "{billing_period_end} (end excluded)".format(**line),
                "",
                f"Events ({len(self.events):,}; instant in UTC, measured, id, file:line)",
                *(shown or [_no_events(line)]),
                "",
                *described(self.taken_back),
                *self.steps,
                "",
                f"The recomputed line {verdict} {compared_with}, which is {line['amount']} {line['currency']}.",
            ]
        )


def _no_events(line: Row) -> str:
    if line["is_adjustment"]:
        return "  those of the lines that it corrects: explain the lines of the service month for them"
    return "  none: the price was active, and nothing was used in the billing period"


def explanation(settings: Settings, line_item_id: str, number: int | None = None) -> Explanation:
    """Recompute a published line from its events.

    Refuses: an id that the run does not have, a run that is not there or whose build was removed.
    """
    return explained(published_build(settings, number), line_item_id)


def explained(build: Build, line_item_id: str) -> Explanation:
    """Recompute a line of a build from its events.

    Refuses: an id that the build does not have.
    """
    line = _one(build, PostedLineItems if build.seals else LineItems, pl.col("line_item_id") == line_item_id)
    if line is None:
        raise UsageError(f"No line item {line_item_id!r} in the run; take an id from marts.fct_line_item.")
    return _explained(known_at_close(build, line), line)


def _explained(build: Build, line: Row) -> Explanation:
    if line["is_adjustment"]:
        return _explained_adjustment(build, line)
    version = _one(build, PriceVersions, _terms_of(line))
    if version is None:
        raise UsageError(f"{line['line_item_id']}: its price version is not in the run; run the night again.")
    is_bound = line["charge_kind"] in BOUND_KINDS
    found = Explanation(line, [])
    if not is_bound:
        found.events = _events(build, line)
        found.taken_back = taken_back(build, line, version["meter"], _reference(build))
    found.quantity = sum((Fraction(event["measured"]) for event in found.events), Fraction(0))
    found.steps.append(_terms(version))
    meter = None if is_bound else of_levels(build, version["meter"])
    if meter is not None:
        _count_levels(build, found, version, meter)
    if line["price_currency"] != line["currency"]:
        _convert_by(build, found)
    explain = _BOUND[line["charge_kind"]] if is_bound else _HOW.get(version["model"], _explain_totals)
    explain(build, found, version)
    found.amount_reporting, how = reported(build, line)
    found.steps.append(how)
    return found


def _count_levels(build: Build, found: Explanation, version: Row, meter: Row) -> None:
    """Take the quantity from what the counter holds: the day's events do not add up to it."""
    found.counted = counted(build, found.line, meter, version["model"], _reference(build))
    found.quantity = sum((through - before for before, through in found.counted.values()), Fraction(0))
    for cell, (before, through) in found.counted.items():
        gained = f"{plain(through)} through the day - {plain(before)} before it = {plain(through - before)}"
        found.steps.append(f"{meter['aggregation']} of {meter['meter']} {cell}: {gained}")


def _explained_adjustment(build: Build, line: Row) -> Explanation:
    """What corrects a closed month: of an open month the difference as of now, of a closed one as of its close."""
    amounts, steps = difference(build, line)
    found = Explanation(line, [], steps=steps)
    found.quantity, found.amount_exact = amounts["quantity"], amounts["amount_exact"]
    found.amount = Decimal(amounts["amount"].numerator) / amounts["amount"].denominator
    found.amount_reporting, how = reported(build, line)
    found.steps.append(how)
    return found


def _convert_by(build: Build, found: Explanation) -> None:
    line = found.line
    used = ratio(build, line["price_currency"], line["currency"], line["service_date"])
    if used is not None:
        found.ratio, why = used
        found.steps.append(f"Converted from {line['price_currency']} into {line['currency']}: × {why}")


def _terms_of(line: Row) -> pl.Expr:
    """The version of a line in the price's own currency."""
    return _is(line, "price_version_id") & (pl.col("currency") == line["price_currency"])


def published_build(settings: Settings, number: int | None) -> Build:
    """Return the tables behind a published run, by default the one that is served."""
    published = published_run(settings, number)
    if published is None:
        what = "Nothing is published yet" if number is None else f"Run {number} is not published"
        raise UsageError(f"{what} under {settings.published}; run a night first.")
    build = replace(open_build(settings, published.as_of), folder_name=published.manifest()["build"])
    if not build.path.is_dir():
        raise UsageError(
            f"The tables behind run {published.number} were removed; run the night of {published.as_of} again."
        )
    return build


def _one(build: Build, table: type[Table], condition: pl.Expr) -> Row | None:
    rows = build.frame(table).filter(condition).collect().to_dicts()
    return rows[0] if rows else None


def _is(row: Row, *names: str) -> pl.Expr:
    return pl.all_horizontal([pl.col(name) == pl.lit(row[name]) for name in names])


def _events(build: Build, line: Row) -> list[Row]:
    """The accepted events whose cells the line's version rates, in order of instant and id."""
    cells = (
        build.frame(PricedUsage)
        .filter(_is(line, "account_id", "contract_id", "price_version_id", "service_date"))
        .filter(pl.col("line_dimensions") == line["dimensions"])
        .select(CELL)
    )
    near = (
        pl.col("occurred_at").dt.date().is_between(line["service_date"] - DAY_MARGIN, line["service_date"] + DAY_MARGIN)
    )
    account = standing(build.delivered(UsageEvents).filter(_is(line, "account_id") & near), build.delivered(Reversals))
    columns = ["occurred_at", "source", "event_id", "measured", "amount", "dimensions", "slot_at"]
    columns += ["delivery_date", "source_file", "source_line"]
    joined = with_cell(account, **_reference(build)).join(cells, on=CELL, how="semi")
    return joined.select(columns).sort("occurred_at", "event_id", "source").collect().to_dicts()


def _reference(build: Build) -> dict[str, pl.LazyFrame]:
    """Return the tables by which an event finds its cell."""
    return {table.table_name: build.frame(table) for table in CELL_TABLES}


def _terms(version: Row) -> str:
    since = version["effective_from_at"] or version["effective_from_date"]
    return (
        f"Price {version['price_version_id']} ({version['model']}, {version['currency']}, from {since}), "
        f"written in {version['document']}"
    )


def _explain_totals(build: Build, found: Explanation, version: Row) -> None:
    """Price what the counter holds with the line, and before it."""
    counter = lines_of_counter(build, found.line)
    earlier = counted_before(counter, found.line)
    of_day = counter[len(earlier)]
    # A pool, or groups that share tiers, are rated as one sum, of which the line has a part.
    quantity = of_day["quantity"] if is_shared(version) else found.quantity
    used = sum((row["quantity"] for row in earlier), Fraction(0))
    found.steps.append(f"Quantity: {plain(used)} before it in the period, {plain(quantity)} on the day")
    through = [*earlier, {**of_day, "quantity": quantity}]
    if version["model"] == "volume" and len({row["price_version_id"] for row in through}) > 1:
        total = _blended(build, version, through, found.steps)
        total_before = _blended(build, version, earlier, found.steps)
    else:
        tiers = _tiers_of(build, version)
        total = _priced(version, tiers, used + quantity, found.steps)
        # Before the first line of a counter, and of what a flat price is due once for, nothing is due, not R(0).
        total_before = _priced(version, tiers, used, found.steps) if earlier else Fraction(0)
    found.amount_exact = total - total_before
    found.steps.append(f"Exact amount of the day: {plain(total)} - {plain(total_before)} = {plain(found.amount_exact)}")
    if is_shared(version):
        _share(build, found, version)
    else:
        _round_difference(build, found, _scope(build, found.line))


def _tiers_of(build: Build, version: Row) -> list[Row]:
    tiers = build.frame(PriceTiers).filter(_is(version, "price_version_id", "currency")).sort("tier")
    return tiers.collect().to_dicts()


def _blended(build: Build, version: Row, rows: Sequence[Row], steps: list[str]) -> Fraction:
    """Price a volume counter of several versions: the total selects the tier of each, which prices its own units there.

    The last version adds the flat.
    """
    total = sum((row["quantity"] for row in rows), Fraction(0))
    steps.append(f"R({plain(total)}) over {len({row['price_version_id'] for row in rows})} versions:")
    amount, through = Fraction(0), Fraction(0)
    units: dict[str, Fraction] = {}
    terms = {}
    for row in rows:
        name = row["price_version_id"]
        of_row = pl.col("price_version_id") == name
        terms[name] = _one(build, PriceVersions, of_row & (pl.col("currency") == version["currency"])) or version
        billed = _billed(terms[name], through + row["quantity"], []) - _billed(terms[name], through, [])
        units[name] = units.get(name, Fraction(0)) + billed
        through += row["quantity"]
    for name, own in units.items():
        reached = _billed(terms[name], total, [])
        tiers = [tier for tier in _tiers_of(build, terms[name]) if tier["tier"] > 0 or reached <= 0]
        tier = next(tier for tier in tiers if tier["up_to"] is None or reached <= Fraction(tier["up_to"]))
        flat = Fraction(tier["flat_amount"]) if name == rows[-1]["price_version_id"] else Fraction(0)
        due = _product(own, Fraction(tier["unit_amount"])) + flat
        steps.append(
            f"  {name}, tier {tier['tier']}: {plain(own)} × {plain(tier['unit_amount'])} + {plain(flat)} = {plain(due)}"
        )
        amount += due
    return amount


def _share(build: Build, found: Explanation, version: Row) -> None:
    """Round what all parts of the day cost together, and give the line its own, by what each has used."""
    line = found.line
    _convert(found)
    owner = "payer_id" if version["pool"] == "payer" else "contract_id"
    group = () if version["shares_tiers"] else ("dimensions",)
    mine = build.frame(LineItems).filter(_is(line, owner, "price_id", "billing_period_start", "currency", *group))
    scope = _in_rounding_order(build, mine.filter(not_a_bound()))
    names = ("price_version_id", "service_date")
    groups = sorted((row for row in scope if all(row[name] == line[name] for name in names)), key=_part)
    place = [row["line_item_id"] for row in groups].index(line["line_item_id"])
    ids = {row["line_item_id"] for row in groups}
    position = min(number for number, row in enumerate(scope) if row["line_item_id"] in ids)
    paid = sum((Fraction(row["amount_exact"]) for row in scope[:position]), Fraction(0))
    digits, mode = _minor_units(build, line), _rounding(build, line)
    rounded_before = _rounded(paid, digits, _rounding(build, scope[position - 1])) if position else Decimal(0)
    rounded = _rounded(paid + found.amount_exact, digits, mode) - rounded_before
    weights = [abs(Fraction(row["quantity"])) for row in groups]
    exact, whole = found.amount_exact, Fraction(rounded)
    found.amount_exact = shares(exact, weights, 24)[place]
    found.amount = _rounded(shares(whole, weights, digits)[place], digits, mode)
    found.steps.append(f"Running total of all parts, rounded {mode}: {plain(paid)} -> {rounded_before} before")
    found.steps.append(
        f"Amount: {plain(weights[place])} of {plain(sum(weights))} units on the day, largest remainder of {rounded}: "
        f"{found.amount}"
    )


def _part(line: Row) -> tuple[str, ...]:
    return (line["account_id"], line["contract_id"], line["dimensions"])


def _priced(version: Row, tiers: Sequence[Row], total: Fraction, steps: list[str]) -> Fraction:
    """Price a running total as a person would on paper: converted, free units off, then tier by tier or by package."""
    steps.append(f"R({plain(total)}):")
    quantity = _billed(version, total, steps)
    if version["model"] == "package":
        return _packed(tiers[0], quantity, steps)
    return _tiered(version["model"], tiers, quantity, steps)


def _billed(version: Row, total: Fraction, steps: list[str]) -> Fraction:
    """Say what of a quantity is priced: converted, and above the free units."""
    quantity = _converted(version, total, steps)
    if version["free_units"] is not None:
        quantity = max(quantity - Fraction(version["free_units"]), Fraction(0))
        steps.append(f"  {plain(version['free_units'])} free: {plain(quantity)} to be charged")
    return quantity


def _converted(version: Row, total: Fraction, steps: list[str]) -> Fraction:
    if version["quantity_factor"] is None:
        return total
    quantity = total * Fraction(version["quantity_factor"])
    how = f"{plain(total)} × {plain(version['quantity_factor'])}"
    if version["quantity_divisor"] is not None:
        exact = quantity / Fraction(version["quantity_divisor"])
        quantity = Fraction(int(WHOLE[version["quantity_round"]](abs(exact))) * (-1 if exact < 0 else 1))
        how += f" / {plain(version['quantity_divisor'])}, rounded {version['quantity_round']}"
    steps.append(f"  converted: {how} = {plain(quantity)}")
    return quantity


def _packed(terms: Row, quantity: Fraction, steps: list[str]) -> Fraction:
    above = max(quantity - Fraction(terms["offset"]), Fraction(0))
    parts = above / Fraction(terms["package_size"])
    packages = floor(parts) if terms["package_round"] == "down" else ceil(parts)
    amount = packages * Fraction(terms["unit_amount"])
    steps.append(
        f"  {plain(above)} above the package's {plain(terms['offset'])} free are {packages} packages of "
        f"{plain(terms['package_size'])}, rounded {terms['package_round']}: "
        f"{packages} × {plain(terms['unit_amount'])} = {plain(amount)}"
    )
    return amount


def _tiered(model: str, tiers: Sequence[Row], quantity: Fraction, steps: list[str]) -> Fraction:
    total = lower = Fraction(0)
    for tier in tiers:
        if tier["tier"] == 0 and quantity > 0:
            continue  # it holds at zero alone
        upper = None if tier["up_to"] is None else Fraction(tier["up_to"])
        unit, flat = Fraction(tier["unit_amount"]), Fraction(tier["flat_amount"])
        is_last = upper is None or quantity <= upper
        is_graduated = model in ("graduated", "graduated_percentage")
        if is_graduated or is_last:
            units = (quantity if is_last else upper) - lower if is_graduated else quantity  # type: ignore[operator]
            amount = _product(units, unit) + flat
            total += amount
            steps.append(f"  tier {tier['tier']}: {plain(units)} × {plain(unit)} + {plain(flat)} = {plain(amount)}")
        if is_last:
            break
        lower = upper  # type: ignore[assignment]
    return total


def _explain_cells(build: Build, found: Explanation, version: Row) -> None:
    """Find the matrix cell of each event, and price what each cell counts."""
    cells = build.frame(PriceCells).filter(_is(version, "price_version_id", "currency")).collect().to_dicts()
    units = {cell["dimensions"]: Fraction(cell["unit_amount"]) for cell in cells}
    used: dict[tuple[Any, ...], Fraction] = {}
    for event in found.events:
        key = (event["slot_at"], event["dimensions"])
        used[key] = used.get(key, Fraction(0)) + Fraction(event["measured"])
    if found.counted:
        used = {("", dimensions): through - held for dimensions, (held, through) in found.counted.items()}
    counted = []
    for key, quantity in sorted(used.items()):
        cell = _cell_of(json.loads(key[-1]), units)
        counted.append((f"cell {cell}", quantity, units[cell]))
    _price_each(build, found, version, counted)


def _explain_hours(build: Build, found: Explanation, version: Row) -> None:
    """Find the hours of the rate curve that each event is in, by its local time, and price what they count."""
    used: dict[tuple[Any, ...], Fraction] = {}
    for event in found.events:
        name, unit_amount = hours(build, found.line, event)
        key = (event["slot_at"], event["dimensions"], name, Fraction(unit_amount))
        used[key] = used.get(key, Fraction(0)) + Fraction(event["measured"])
    _price_each(build, found, version, [(key[2], quantity, key[3]) for key, quantity in sorted(used.items())])


def _price_each(
    build: Build, found: Explanation, version: Row, counted: Sequence[tuple[str, Fraction, Fraction]]
) -> None:
    """Price what each cell counts, in the order in which they use up what is free or fill what is rounded."""
    earlier = counted_before(lines_of_counter(build, found.line), found.line)
    through = sum((row["quantity"] for row in earlier), Fraction(0))
    billed = _billed(version, through, [])
    for name, quantity, unit in counted:
        through += quantity
        billed, billed_before = _billed(version, through, []), billed
        amount = _product(billed - billed_before, unit)
        found.amount_exact += amount
        found.steps.append(f"  {name}: {plain(billed - billed_before)} × {plain(unit)} = {plain(amount)}")
    found.steps.append(f"Exact amount of the day: {plain(found.amount_exact)}")
    _round_difference(build, found, _scope(build, found.line))


def _cell_of(values: dict[str, str], units: Mapping[str, Fraction]) -> str:
    named = [cell for cell in units if cell != DEFAULT_CELL and json.loads(cell).items() <= values.items()]
    return named[0] if named else DEFAULT_CELL


def _explain_amounts(build: Build, found: Explanation, _version: Row) -> None:
    """Add up what the events bring."""
    found.amount_exact = sum((Fraction(event["amount"]) for event in found.events), Fraction(0))
    shown = " + ".join(plain(event["amount"]) for event in found.events[:SHOWN_EVENTS])
    rest = " + …" if len(found.events) > SHOWN_EVENTS else ""
    found.steps.append(f"Amounts of the events: {shown or '0'}{rest} = {plain(found.amount_exact)}")
    _round_difference(build, found, _scope(build, found.line))


def _explain_fees(build: Build, found: Explanation, version: Row) -> None:
    """Price the events one by one in the order in which they use up the allowance."""
    line = found.line
    rated = events_of_counter(build, line, lines_of_counter(build, line))
    digits = _minor_units(build, line)
    ordinal, value_through, rounded = 0, Fraction(0), Decimal(0)
    for event in rated:
        ordinal += 1
        how: list[str] = []
        value = _converted(version, Fraction(event["quantity"]), how)
        value_through += value
        if any(event[name] != line[name] for name in ("account_id", "price_version_id", "service_date")):
            continue
        fee, why = _fee(version, value, ordinal, value_through)
        found.amount_exact += fee
        billed = _rounded(fee * found.ratio, digits, version["rounding"])
        rounded += billed
        if len(found.steps) <= SHOWN_EVENTS:
            found.steps += [*how, f"  {event['event_id']}: {why} = {plain(fee)} -> {billed}"]
    if version["round_at"] == "event":
        _convert(found)
        found.amount = rounded
        found.steps.append(f"Sum of the fees, each rounded by itself: {rounded}")
    else:
        _round_difference(build, found, _scope(build, line))


def _fee(version: Row, value: Fraction, ordinal: int, value_through: Fraction) -> tuple[Fraction, str]:
    free_events, free_amount = version["free_events"], version["free_amount"]
    in_events = free_events is not None and ordinal <= free_events
    in_amount = free_amount is not None and value_through - value < Fraction(free_amount) >= value_through
    both = free_events is not None and free_amount is not None
    ends_at_first = both and version["free_rule"] == "first_exhausted"
    if (in_events and in_amount) if ends_at_first else (in_events or in_amount):
        return Fraction(0), "free"
    charged = value
    if free_amount is not None and not (ends_at_first and not in_events):
        charged = min(value, value_through - Fraction(free_amount))
    rate, fixed = Fraction(version["rate"]), Fraction(version["fixed_amount"])
    fee = _product(charged, rate) + fixed
    why = f"{plain(charged)} × {plain(rate)} + {plain(fixed)}"
    if version["minimum_fee"] is not None and fee < Fraction(version["minimum_fee"]):
        return Fraction(version["minimum_fee"]), f"{why}, at least"
    if version["maximum_fee"] is not None and fee > Fraction(version["maximum_fee"]):
        return Fraction(version["maximum_fee"]), f"{why}, at most"
    return fee, why


def _explain_maximum(build: Build, found: Explanation, version: Row) -> None:
    """What lies above the maximum through the day, less what lay above it before the day."""
    line = found.line
    charges = _charges(build, line)
    through = sum((charge for day, charge in charges if day <= line["service_date"]), Fraction(0))
    before = sum((charge for day, charge in charges if day < line["service_date"]), Fraction(0))
    above, above_before = (_above_maximum(total, version) for total in (through, before))
    found.amount_exact = above_before - above
    found.steps.append(f"Maximum of the period: {_amount(version['maximum_amount'])}")
    found.steps.append(f"Charged through the day: {plain(through)}, above the maximum {plain(above)}")
    found.steps.append(f"Charged before it: {plain(before)}, above the maximum {plain(above_before)}")
    if above:
        _round_rest(build, found, through - above)
    else:
        _give_back(build, found)


def _explain_minimum(build: Build, found: Explanation, version: Row) -> None:
    """What the charges of the period, after the maximum, lack of the minimum for the covered days."""
    line = found.line
    total = sum((charge for _, charge in _charges(build, line)), Fraction(0))
    billed = total - _above_maximum(total, version)
    covered = _covered_days(build, line, version["meter"])
    period = (line["billing_period_end"] - line["billing_period_start"]).days
    due = Fraction(version["minimum_amount"] or 0) * covered / period
    found.amount_exact = max(due - billed, Fraction(0))
    found.steps.append(
        f"Minimum of the period: {_amount(version['minimum_amount'])}, for {covered} of {period} days {plain(due)}"
    )
    found.steps.append(f"Charged in it: {plain(billed)}, missing {plain(found.amount_exact)}")
    _round_rest(build, found, billed + found.amount_exact)


def _charges(build: Build, line: Row) -> list[tuple[date, Fraction]]:
    """What each line of the price counts for: its exact amount, or the sum of its fees where each is rounded."""
    versions = build.frame(PriceVersions).select("price_version_id", "currency", "round_at")
    lines = _of_price(build, line).join(versions, on=["price_version_id", "currency"], how="left", validate="m:1")
    return [
        (other["service_date"], Fraction(other["amount" if other["round_at"] == "event" else "amount_exact"]))
        for other in lines.collect().to_dicts()
        if other["charge_kind"] not in BOUND_KINDS
    ]


def _of_price(build: Build, line: Row) -> pl.LazyFrame:
    """All lines of the price in the billing period, of all its groups."""
    return build.frame(LineItems).filter(_is(line, "contract_id", "price_id", "billing_period_start", "currency"))


def _above_maximum(total: Fraction, version: Row) -> Fraction:
    maximum = version["maximum_amount"]
    return Fraction(0) if maximum is None else max(total - Fraction(maximum), Fraction(0))


def _amount(amount: Decimal | None) -> str:
    return "none" if amount is None else plain(amount)


def _covered_days(build: Build, line: Row, meter: str) -> int:
    """Count the days of the period on which the contract, and a version that is sold, covered the price."""
    states = build.frame(AccountContracts).filter(_is(line, "account_id")).collect()
    reference = {table.table_name: build.frame(table) for table in (PlanPrices, PriceVersions)}
    named = covered_meters(states.lazy(), **reference).filter(pl.col("meter") == meter).collect()
    covering = states.join(named, on=["contract_id", "plan_id"], how="semi").to_dicts()
    rates = build.frame(Rates).filter(_is(line, "price_id") & pl.col("is_sold")).collect().to_dicts()
    begins = build.frame(Companies).select("billing_starts_on").collect().item()
    first_day = max(line["billing_period_start"], begins)
    in_period = pl.col("local_date").is_between(first_day, line["billing_period_end"], closed="left")
    days = build.frame(ZoneDays).filter(in_period).collect().to_dicts()
    covered = {
        day["local_date"]
        for state in covering
        if state["contract_id"] == line["contract_id"]
        for day in days
        if day["time_zone"] == state["time_zone"] and _holds(state, day["local_date"])
        if not (
            state["is_default"]
            and any(_holds(other, day["local_date"]) for other in covering if not other["is_default"])
        )
        if any(
            rate["rate_set_id"] == state["rate_set_id"]
            and rate["valid_from_at"] < day["day_end_at"]
            and rate["valid_to_at"] > day["day_start_at"]
            for rate in rates
        )
    }
    return len(covered)


def _holds(state: Row, day: date) -> bool:
    return bool(state["valid_from"] <= day < state["valid_to"])


def _give_back(build: Build, found: Explanation) -> None:
    """The maximum takes nothing off any more: what its lines before took off comes back."""
    is_earlier = (pl.col("charge_kind") == "maximum") & (pl.col("service_date") < found.line["service_date"])
    taken_off = _of_price(build, found.line).filter(is_earlier).collect()["amount"].to_list()
    found.amount = -sum(taken_off, Decimal(0))
    found.steps.append(f"Amount: all that was taken off before, {found.amount}")


def _round_rest(build: Build, found: Explanation, total: Fraction) -> None:
    """Round what the price comes to with the line, and take off what its lines before it were rounded to."""
    line = found.line
    order = {"usage": 0, "recurring": 0, "maximum": 1, "minimum_true_up": 2}
    at = (line["service_date"], order[line["charge_kind"]])
    others = [
        other["amount"]
        for other in _of_price(build, line).collect().to_dicts()
        if (other["service_date"], order[other["charge_kind"]]) <= at and other["line_item_id"] != line["line_item_id"]
    ]
    digits, mode = _minor_units(build, line), _rounding(build, line)
    rounded = _rounded(total, digits, mode)
    before = sum(others, Decimal(0))
    found.amount = rounded - before
    found.steps.append(f"The price with the line, rounded {mode} to {digits} decimals: {plain(total)} -> {rounded}")
    found.steps.append(f"Amount: {rounded} - {before} of the lines before it = {found.amount}")


def _scope(build: Build, line: Row) -> list[Row]:
    """The lines of the rounding scope, in the order in which the running total is rounded."""
    return _in_rounding_order(build, _of_price(build, line).filter(_is(line, "dimensions"), not_a_bound()))


def _in_rounding_order(build: Build, lines: pl.LazyFrame) -> list[Row]:
    order = ["service_date", "started_at", "price_version_id", "dimensions"]
    starts = build.frame(Rates).group_by("price_version_id").agg(pl.col("valid_from_at").min().alias("started_at"))
    return lines.join(starts, on="price_version_id", how="left", validate="m:1").sort(order).collect().to_dicts()


def _round_difference(build: Build, found: Explanation, scope: Sequence[Row]) -> None:
    """Round the running total with the line, and before it as it stood with the line before."""
    _convert(found)
    position = [other["line_item_id"] for other in scope].index(found.line["line_item_id"])
    before = sum((Fraction(other["amount_exact"]) for other in scope[:position]), Fraction(0))
    digits = _minor_units(build, found.line)
    mode = _rounding(build, found.line)
    rounded_before = _rounded(before, digits, _rounding(build, scope[position - 1])) if position else Decimal(0)
    rounded_through = _rounded(before + found.amount_exact, digits, mode)
    found.amount = rounded_through - rounded_before
    found.steps.append(
        f"Running total of the period, rounded {mode} to {digits} decimals: "
        f"{plain(before)} -> {rounded_before} before, {plain(before + found.amount_exact)} -> {rounded_through} with it"
    )
    found.steps.append(f"Amount: {rounded_through} - {rounded_before} = {found.amount}")


def _convert(found: Explanation) -> None:
    """Turn what the price gives into the currency of the line, to 24 places."""
    if found.ratio != 1:
        of_price = found.amount_exact
        found.amount_exact = _product(of_price, found.ratio)
        found.steps.append(f"Converted: {plain(of_price)} -> {plain(found.amount_exact)} {found.line['currency']}")


def _rounding(build: Build, line: Row) -> str:
    terms = build.frame(PriceVersions).filter(_terms_of(line)).select("rounding").collect()
    return str(terms.item())


def _product(quantity: Fraction, unit: Fraction) -> Fraction:
    """Amounts are correct to 24 places, half-even at the 24th, before anything is rounded to money."""
    return Fraction(round(quantity * unit * 10**24), 10**24)


def _minor_units(build: Build, line: Row) -> int:
    units = build.frame(Currencies).filter(_is(line, "currency")).select("minor_units").collect()
    return int(units.item())


def _rounded(amount: Fraction, digits: int, mode: str) -> Decimal:
    return _decimal(amount).quantize(Decimal(1).scaleb(-digits), rounding=MODES[mode], context=WIDE)


def _decimal(number: Fraction) -> Decimal:
    """Products of 12 and 24 places have at most 36, so nothing is cut at the 40th."""
    numerator = number * 10**40
    return Decimal(numerator.numerator // numerator.denominator).scaleb(-40, context=WIDE)


def plain(value: Any) -> str:
    """Write a number as a plain decimal without trailing zeros."""
    text = format(_decimal(Fraction(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


# How a line is explained, by the model of its version; the others price the total of a counter.
_HOW: dict[str, Callable[[Build, Explanation, Row], None]] = {
    "percentage": _explain_fees,
    "unit_fee": _explain_fees,
    "matrix": _explain_cells,
    "rate_curve": _explain_hours,
    "dynamic": _explain_amounts,
}
_BOUND: dict[str, Callable[[Build, Explanation, Row], None]] = {
    "maximum": _explain_maximum,
    "minimum_true_up": _explain_minimum,
}
