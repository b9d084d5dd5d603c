"""Rows of a foreign file as records of a dataset: text in, text out, before any rule of the dataset is looked at.

What the feed itself cannot read (a time that never was, a factor that is no number) is a fault of the record, named by
the file's own column; everything else is judged later, exactly as if the records had come in our format.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from hashlib import sha256

import polars as pl

from data_contracts.vocabulary import EXACT
from orchestration.intake import values
from orchestration.intake.feeds import times
from orchestration.intake.feeds.schema import COMPUTED, MADE, TARGETS, FeedDocument, RowMeter, Value
from orchestration.intake.judged import EXPLANATION, judge
from orchestration.intake.records import Foreign, Layout
from orchestration.intake.usage import canonical_json
from orchestration.intake.values import Check, Fault, holds, is_blank

FIRST, SECOND = "factor:1", "factor:2"
LOCAL, AT = "local", "at"
# A product of factors with no more digits than this before their points fits into DECIMAL(38,24).
PRODUCT_DIGITS = 13


class Mapping_:
    pass
