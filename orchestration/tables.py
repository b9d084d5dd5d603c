"""The kernel: reads a builder's signature, gives it its tables, checks and writes what it returns.

A builder's parameters name the tables it reads, its return annotation the table it makes. Nothing else says so. What is
given by keyword only is no table: `as_of`, or a setting of that name.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, get_args, get_type_hints

import polars as pl

from data_contracts.vocabulary import Kind, Table

Builder = Callable[..., pl.LazyFrame]


@dataclass(frozen=True)
class Made:
    """One table with the builder that makes it and the tables that the builder reads."""

    table: type[Table]
    builder: Builder
    inputs: dict[str, type[Table]]
    options: frozenset[str]  # `as_of`, or settings by their names


def made_by(builder: Builder) -> Made:
    """Read table and inputs off a builder's signature.

    Refuses: a parameter that is not named like its table, a builder that is not named like the table it makes.
    """
    hints = get_type_hints(builder, include_extras=True)
    table = _table(hints.pop("return"), f"{builder.__name__}: what it returns")
    if table.table_name != builder.__name__:
        raise TypeError(f"{builder.__name__} makes {table.table_name}: one table, one name. Rename the builder.")
    inputs = {}
    options = set()
    for name, parameter in inspect.signature(builder).parameters.items():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            options.add(name)
            continue
        inputs[name] = _table(hints[name], f"{builder.__name__}: parameter {name}")
        if inputs[name].table_name != name:
            raise TypeError(f"{builder.__name__}: parameter {name} reads {inputs[name].table_name}; name it so.")
    return Made(table, builder, inputs, frozenset(options))


def builder_of(table: type[Table]) -> Builder:
    """Return the builder of a table: the function of its name in the module of its name."""
    builder: Builder = getattr(import_module(f"transforms.{table.table_name}"), table.table_name)
    return builder


def _table(hint: Any, where: str) -> type[Table]:
    extras = get_args(hint)[1:]
    if len(extras) != 2 or not isinstance(extras[0], Kind):
        raise TypeError(f"{where} must be annotated as AsOf[Table], Delivered[Table] or Sealed[Table], not {hint!r}.")
    kind, table = extras
    if table.table_kind is not kind:
        raise TypeError(f"{where} says {kind}, but {table.table_name} is {table.table_kind}.")
    return table
