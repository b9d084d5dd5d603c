"""Contracts of what closed months hold of the marts: sealed with the month, read by every later run."""

from typing import ClassVar

from data_contracts.marts import FctLineItem, FctRevenueDaily, Mart
from data_contracts.vocabulary import Kind, Table


class ClosedLineItems(FctLineItem, schema="lake"):
    """A line of `marts.fct_line_item` as its month was closed.

    Grain: one row per line. Source: orchestration.close.
    """

    table_kind = Kind.SEALED
    of: ClassVar[type[Mart]] = FctLineItem


class ClosedRevenueDaily(FctRevenueDaily, schema="lake"):
    """A row of `marts.fct_revenue_daily` as its month was closed.

    Grain: that of the mart. Source: orchestration.close.
    """

    table_kind = Kind.SEALED
    of: ClassVar[type[Mart]] = FctRevenueDaily


PARTITIONS = (ClosedLineItems, ClosedRevenueDaily)
PARTITIONED: dict[type[Mart], type[Table]] = {partition.of: partition for partition in PARTITIONS}
