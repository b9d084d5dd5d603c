"""How events become a quantity, written out by hand. A new aggregation is one file, one line here, one test."""

from transforms.aggregations.aggregation import HELD, IN_TIME, SCOPE, Aggregation
from transforms.aggregations.count import COUNT
from transforms.aggregations.latest import LATEST
from transforms.aggregations.max import MAX
from transforms.aggregations.sum import SUM
from transforms.aggregations.unique_count import UNIQUE_COUNT
from transforms.aggregations.weighted_sum import WEIGHTED_SUM

__all__ = ["AGGREGATIONS", "HELD", "IN_TIME", "LEVELS", "SCOPE", "Aggregation"]

AGGREGATIONS: dict[str, Aggregation] = {
    "sum": SUM,
    "count": COUNT,
    "max": MAX,
    "latest": LATEST,
    "unique_count": UNIQUE_COUNT,
    "weighted_sum": WEIGHTED_SUM,
}

# Those whose quantity of a day is not what the day's events add: they go through `usage_levels`.
LEVELS: dict[str, Aggregation] = {name: each for name, each in AGGREGATIONS.items() if not each.adds_up}
