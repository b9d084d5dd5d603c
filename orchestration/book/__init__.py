"""Prices and contracts as documents: text in, problems with file and line, or tables out.

`documents` parses text, `scalars` and `schema` say what may stand in it, `reading` joins the two, `catalogue` makes one
book of many files, `rateable` names what cannot be rated yet, `history` and `agreements` follow versions and contracts
through deliveries, `state` decides on a delivery, `tables` compiles.
"""

from typing import Any

from orchestration.book.catalogue import Book
from orchestration.book.problems import Problem
from orchestration.book.reading import read_item
from orchestration.book.schema import BookDocument, ContractsDocument
from orchestration.book.state import EMPTY, Accepted, BookState, Document, accept_delivery, load_state
from orchestration.book.tables import compile_tables

__all__ = [
    "EMPTY",
    "SCHEMA_DIALECT",
    "Accepted",
    "Book",
    "BookState",
    "Document",
    "Problem",
    "accept_delivery",
    "compile_tables",
    "json_schema",
    "load_state",
    "read_item",
]

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(dataset: str = "price_book") -> dict[str, Any]:
    """Return the JSON Schema of a document, for editors: of `price_book`, or of `contracts`."""
    model = ContractsDocument if dataset == "contracts" else BookDocument
    return {"$schema": SCHEMA_DIALECT, **model.model_json_schema()}
