"""Minimum and maximum of a price and billing period."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

from tests.oracle.reference.book import Book, Part
from tests.oracle.reference.idle import active_days, scope_of, sold
from tests.oracle.reference.money import round_to_minor
from tests.oracle.reference.rating import rounds_per_event
from tests.oracle.reference.usage import Scope
from tests.oracle.reference.world import Line


def bounds(book: Book, charges: Sequence[Line]) -> list[Line]:
    """Lines of maximum and minimum: per billing period over all groups, from the version in force at its end (C39)."""
    of_price: dict[tuple[str, str, date], list[Line]] = defaultdict(list)
    for line in charges:
        of_price[line.contract_id, line.price_id, line.billing_period_start].append(line)
    lines: list[Line] = []
    for deal, entry, price in sold(book):
        if not any(part.version.minimum or part.version.maximum for part in book.parts(deal, entry, price)):
            continue
        days = active_days(book, deal, entry, price, through=deal.period(book.world.as_of)[1])
        for (period, end), grouped in groupby(days, key=lambda active: deal.period(active[0])):
            if period <= book.world.as_of:
                of_period = list(grouped)
                last_day, parts = of_period[-1]
                share = Fraction(len(of_period), (end - period).days)
                scope = scope_of(deal, entry, price, period)
                of_charges = of_price[deal.id, price.id, period]
                is_over = end <= book.world.as_of
                lines += bounds_of_period(scope, parts[-1], last_day, share, of_charges, is_over=is_over)
    return lines


def bounds_of_period(
    scope: Scope, part: Part, last_day: date, share: Fraction, charges: Sequence[Line], *, is_over: bool
) -> list[Line]:
    """What lies above the maximum, at every day end; what is missing to the minimum, once the period has ended."""
    version = part.version
    most, least = version.maximum.get(scope.currency), version.minimum.get(scope.currency)
    if (version.maximum or version.minimum) and scope.currency not in version.terms:
        raise ValueError("minimum and maximum of a converted price")
    lines: list[Line] = []
    exact = {"usage": Fraction(0), "maximum": Fraction(0)}
    rounded = {"usage": Decimal(0), "maximum": Decimal(0)}
    operations = 0
    terms = version.terms.get(scope.currency)
    by_event = terms is not None and rounds_per_event(version, terms)  # fees count as they were charged (C40)

    def line(day: date, charge_kind: str, added: Fraction, total: Decimal) -> Line:
        """The line by which exact and rounded totals of the period come to what they must be (C40)."""
        return Line(
            contract_id=scope.deal.id,
            price_id=scope.price.id,
            price_version_id=part.id,
            dimensions=scope.group,
            kind=scope.price.kind,
            service_date=day,
            billing_period_start=scope.period,
            quantity=Fraction(0),
            quantity_before=Fraction(0),
            amount_exact=added,
            amount_exact_before=sum(exact.values(), Fraction(0)),
            amount=total - sum(rounded.values(), Decimal(0)),
            list_amount=total - sum(rounded.values(), Decimal(0)),
            currency=scope.currency,
            operations=operations + 1,
            operations_before=operations,
            charge_kind=charge_kind,
        )

    for day, of_day in groupby(sorted(charges, key=lambda line: line.service_date), key=lambda line: line.service_date):
        for member in of_day:
            exact["usage"] += Fraction(member.amount) if by_event else member.amount_exact
            rounded["usage"] += member.amount
            operations += member.operations
        above = Fraction(0) if most is None else max(exact["usage"] - Fraction(most), Fraction(0))
        if above != -exact["maximum"]:
            bites = round_to_minor(exact["usage"] - above, scope.currency, version.rounding)
            lines.append(line(day, "maximum", -above - exact["maximum"], bites if above else rounded["usage"]))
            exact["maximum"] += lines[-1].amount_exact
            rounded["maximum"] += lines[-1].amount
    if least is not None and is_over:
        owed = Fraction(least) * share
        missing = owed - sum(exact.values(), Fraction(0))
        if missing > 0:
            lines.append(
                line(last_day, "minimum_true_up", missing, round_to_minor(owed, scope.currency, version.rounding))
            )
    return lines
