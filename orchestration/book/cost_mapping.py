"""The book's cost mapping: what makes no sense in it, and its rows."""

from collections.abc import Iterator, Mapping
from typing import Any

from orchestration.book.problems import Problem
from orchestration.book.reading import Placed
from orchestration.book.schema import CostMapping, Meter


def unit_problems(mapping: Placed[CostMapping], meters: Mapping[str, Placed[Meter]]) -> Iterator[Problem]:
    """Refuse to share a cost by usage that cannot be added up: of different units, or money of several currencies."""
    named = [(number, meters[name].item) for number, name in enumerate(mapping.item.allocate_by) if name in meters]
    for number, meter in named:
        if meter.value == "amount":
            message = f"meter {meter.id} measures money of several currencies."
            yield mapping.problem(("allocate_by", number), "contradiction", message, "Share by a meter of quantities.")
        elif meter.unit != named[0][1].unit:
            message = f"meter {meter.id} counts {meter.unit}, {named[0][1].id} counts {named[0][1].unit}."
            yield mapping.problem(("allocate_by", number), "contradiction", message, "Name meters of one unit.")


def mapping_rows(mappings: Mapping[str, Placed[CostMapping]]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of `cost_mappings`."""
    for placed in mappings.values():
        item = placed.item
        method = "usage" if item.allocate_by else "direct"
        stated = len(item.where.stated)
        yield (item.id, item.product, method, item.account, item.account_from, stated, placed.place().document)


def condition_rows(mappings: Mapping[str, Placed[CostMapping]]) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of `cost_conditions`."""
    for placed in mappings.values():
        for attribute, value in placed.item.where.stated.items():
            yield (placed.item.id, attribute, value)


def meter_rows(mappings: Mapping[str, Placed[CostMapping]]) -> Iterator[tuple[str, str]]:
    """Yield the rows of `cost_meters`."""
    for placed in mappings.values():
        for meter in placed.item.allocate_by:
            yield (placed.item.id, meter)
