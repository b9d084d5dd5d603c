"""Intake and the real book together: what a document says decides about dimensions and about what is refused."""

import polars as pl
import pytest

from data_contracts import Documents, LandedFiles, UsageEvents
from tests.orchestration.intake.landing_zone import HEADER, Landing, event

pytestmark = pytest.mark.usefixtures("real_book")

BOOK = """\
company:
  {name: Acme, time_zone: UTC, reporting_currency: USD, default_plan: payg,
   legal_entities: [{id: acme_us, name: Acme Inc., country: US, currency: USD, invoice_prefix: US}]}
products: [{id: llm_api, name: LLM API}]
meters:
  - {id: tokens, unit: token, aggregation: sum, dimensions: [model]}
prices:
  - id: gpt4
    product: llm_api
    meter: tokens
    model: per_unit
    currency: USD
    versions: [{effective_from: 2026-01-01, unit_amount: "30", per: "1000000"}]
plans: [{id: payg, prices: [gpt4]}]
"""


def test_a_declared_dimension_is_kept_and_another_column_is_not(landing: Landing) -> None:
    landing.put("price_book/2026-08-01/book.yaml", BOOK)
    landing.usage(f"{event('e1')},gpt-4,x", header=f"{HEADER},model,note")
    landing.take()
    assert landing.refusals() == []
    assert landing.table(UsageEvents)["dimensions"].to_list() == ['{"model":"gpt-4"}']


def test_f52_a_price_edited_in_place_is_refused_with_its_line_and_the_book_before_stands(landing: Landing) -> None:
    landing.put("price_book/2026-08-01/book.yaml", BOOK)
    landing.put("price_book/2026-08-02/book.yaml", BOOK.replace('"30"', '"31"'))
    landing.take(2)
    refused = landing.table(LandedFiles).filter(pl.col("status") == "refused").to_dicts()
    assert [row["source_file"] for row in refused] == ["price_book/2026-08-02/book.yaml"]
    assert refused[0]["message"].startswith("line ")
    assert landing.table(Documents).height == 1


def test_the_book_is_remembered_from_night_to_night(landing: Landing) -> None:
    landing.put("price_book/2026-08-01/book.yaml", BOOK)
    landing.take(1)
    landing.usage(f"{event('e1')},gpt-4,x", day=2, header=f"{HEADER},model,note")
    landing.put("price_book/2026-08-02/book.yaml", BOOK + "nonsense: 1\n")
    landing.take(2)
    assert [file for file, _ in landing.refusals()] == ["price_book/2026-08-02/book.yaml"]
    assert landing.table(UsageEvents)["dimensions"].to_list() == ['{"model":"gpt-4"}']
