"""Lines of closed months and what corrects them: rated as the close knew them, and told as a difference."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from data_contracts import Adjustments, LineItems, SealedLineItems
from data_contracts.vocabulary import Table
from orchestration.build import Build
from transforms.corrections import KEY

MEASURES = ("quantity", "amount_exact", "amount")


def known_at_close(build: Build, line: Mapping[str, Any]) -> Build:
    """Return the build that knew what was known when the line's month was closed; the build itself of an open month."""
    month = line["posting_date"].replace(day=1)
    for seal in build.seals:
        if (seal.legal_entity_id, seal.month) == (line["legal_entity_id"], month):
            known = tuple(day for day in build.deliveries if day <= seal.as_of)
            then = replace(build, as_of=seal.as_of, deliveries=known, folder_name=None)
            then.require(LineItems)
            return then
    return build


def difference(build: Build, line: Mapping[str, Any]) -> tuple[dict[str, Fraction], list[str]]:
    """Return what an adjustment of an open month comes to, worked out from both sides, and the sentences that say how.

    One that reverses what was sealed, because other versions rate it now, takes off the whole of it; its twin posts the
    whole of what is known now.
    """
    build.require(Adjustments)
    month = line["service_date"].replace(day=1)
    sealed, desired = (_sum(build, table, line, month) for table in (SealedLineItems, LineItems))
    part = line["line_item_id"].rpartition("/")[2]
    twins = build.frame(Adjustments).filter(_same_key(line, month), pl.col("line_item_id").str.ends_with("/reversal"))
    is_anew = part != "reversal" and not twins.collect().is_empty()
    zero = dict.fromkeys(MEASURES, Fraction(0))
    before, after = (sealed, zero) if part == "reversal" else (zero if is_anew else sealed, desired)
    found = {name: after[name] - before[name] for name in MEASURES}
    causes = _causes(build, line)
    return found, [
        f"Corrects {month:%Y-%m}, a closed month, because of: {causes}",
        f"Sealed: {_shown(sealed)} {line['currency']}",
        f"By everything known now: {_shown(desired)} {line['currency']}",
        f"Posted by this line: {_shown(found)} {line['currency']}",
    ]


def _sum(build: Build, table: type[Table], line: Mapping[str, Any], month: Any) -> dict[str, Fraction]:
    rows = build.frame(table).filter(_same_key(line, month)).select(MEASURES).collect()
    return {name: sum(map(Fraction, rows[name]), Fraction(0)) for name in MEASURES}


def _same_key(line: Mapping[str, Any], month: Any) -> pl.Expr:
    same = [pl.col(name) == pl.lit(line[name]) for name in KEY if name != "service_month"]
    return pl.all_horizontal(*same, pl.col("service_date").dt.truncate("1mo") == month)


def _causes(build: Build, line: Mapping[str, Any]) -> str:
    found = build.frame(Adjustments).filter(pl.col("line_item_id") == line["line_item_id"]).select("causes").collect()
    return str(found.item())


def _shown(amounts: Mapping[str, Fraction]) -> str:
    quantity, amount = (Decimal(amounts[name].numerator) / amounts[name].denominator for name in ("quantity", "amount"))
    return f"{quantity.normalize():f} units, {amount:.2f}"
