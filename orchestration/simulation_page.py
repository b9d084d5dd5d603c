"""A simulation as one HTML page that needs nothing else: tables, a histogram of who pays how much more, the top movers.

The charts are drawn to SVG here and stand in the page; no script runs and no link leads out of it.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from html import escape
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import polars as pl

from orchestration.errors import UsageError
from orchestration.pages import document, row
from orchestration.simulate import Simulation, percent

# Edges of the histogram in percent of what an account paid: narrow around nothing, wide where few are.
EDGES = (-50, -25, -10, -5, -1, 0, 1, 5, 10, 25, 50)
CHEAPER, SAME, DEARER = "#2a7f62", "#8a8f98", "#b5482f"
SHOWN_MOVERS = 8


def require_charts() -> None:
    """Refuse, before anything is rated, to make a page where the libraries that draw are not installed."""
    if find_spec("altair") is None or find_spec("vl_convert") is None:
        raise UsageError(
            "Charts need the extra `report`: `python3 -m orchestration test --version` installs it into .venv. "
            "The tables and --json do without."
        )


def page(found: Simulation, book: str, digits: dict[str, int]) -> str:
    """Return the page. `digits` are the decimals of each currency's minor unit."""
    changed = found.accounts.filter(pl.col("revenue_before") != pl.col("revenue_after"))["account_id"].n_unique()
    opening = (
        f"Usage of {found.first} to {found.last}, rated as published and once more with the changed book; nothing was "
        f"published. {changed} of {found.accounts['account_id'].n_unique()} accounts would pay something else."
    )
    parts = [
        f"<h1>What the book {escape(book)} would change</h1>",
        f"<p>{opening}</p>",
        "<h2>In total</h2>",
        _table(found.totals, ["currency"], digits),
        "<h2>Who pays how much more or less</h2>",
        _histogram(found.accounts),
        '<p class="note">Accounts by the change of what they pay, in percent of it.</p>',
        "<h2>Top movers</h2>",
        *_movers(found),
        "<h2>By product</h2>",
        _table(found.products, ["product_id", "currency"], digits),
        "<h2>Contracts with prices of their own</h2>",
        '<p class="note">A change of list prices does not reach them. They are in the numbers above as well.</p>',
        _table(found.locked, ["account_id", "currency"], digits),
        *_waiting(found),
        "<h2>By account</h2>",
        _table(found.accounts, ["account_id", "currency"], digits),
    ]
    return document(f"Simulation: {book}", parts)


def _table(rows: pl.DataFrame, keys: Sequence[str], digits: dict[str, int]) -> str:
    names = [*keys, "revenue before", "after", "change", "in %", "margin before", "after"]
    body = []
    for each in rows.iter_rows(named=True):
        places = digits.get(each["currency"], 2)
        before, after = each["revenue_before"], each["revenue_after"]
        share = percent(after - before, before)
        shown = [before, after, after - before]
        margins = [before - each["cost_before"], after - each["cost_after"]]
        cells = [
            *(f"{value:,.{places}f}" for value in shown),
            "" if share is None else f"{share:+f}" if share else "0.0",
        ]
        cells += [f"{value:,.{places}f}" for value in margins]
        body.append(row("td", [str(each[key]) for key in keys], cells))
    if not body:
        return '<p class="note">There are none.</p>'
    return f"<table>{row('th', names[: len(keys)], names[len(keys) :])}{''.join(body)}</table>"


def _waiting(found: Simulation) -> list[str]:
    if found.suspense.is_empty():
        return []
    rows = "".join(
        row("td", map(str, each[:3]), [f"{count:,}" for count in each[3:]]) for each in found.suspense.iter_rows()
    )
    head = row("th", ["meter", "dimensions", "waits because"], ["events before", "after"])
    return ["<h2>Usage that only one of the books prices</h2>", f"<table>{head}{rows}</table>"]


def _histogram(accounts: pl.DataFrame) -> str:
    shares = [
        percent(after - before, before)
        for before, after in accounts.select("revenue_before", "revenue_after").iter_rows()
    ]
    counted = Counter(_place(share) for share in shares if share is not None)
    bins = [
        {"change": label, "accounts": counted[place], "color": color} for place, (label, color) in enumerate(_bins())
    ]
    return _drawn(
        {"values": bins},
        mark={"type": "bar"},
        x={"field": "change", "type": "nominal", "sort": None, "title": "change in %", "axis": {"labelAngle": 0}},
        y={"field": "accounts", "type": "quantitative", "title": "accounts", "axis": {"tickMinStep": 1}},
        size=(760, 260),
    )


def _bins() -> list[tuple[str, str]]:
    """One bin per pair of edges, one for no change at all, and what lies beyond the outer edges."""
    below = [f"{low} to {high}" for low, high in pairwise(EDGES) if high <= 0]
    above = [f"{low} to {high}" for low, high in pairwise(EDGES) if low >= 0]
    return [
        (f"below {EDGES[0]}", CHEAPER),
        *((label, CHEAPER) for label in below),
        ("0", SAME),
        *((label, DEARER) for label in above),
        (f"above {EDGES[-1]}", DEARER),
    ]


def _place(share: Decimal) -> int:
    """Return the bin of a change: an edge belongs to the bin nearer to 0."""
    middle = len([edge for edge in EDGES if edge < 0]) + 1
    if share == 0:
        return middle
    if share < 0:
        return len([edge for edge in EDGES if edge < 0 and edge <= share])
    return middle + 1 + len([edge for edge in EDGES if edge > 0 and edge < share])


def _movers(found: Simulation) -> list[str]:
    movers = found.movers(SHOWN_MOVERS)
    if movers.is_empty():
        return ['<p class="note">Nobody pays anything else.</p>']
    charts = []
    for (currency,), rows in movers.group_by("currency", maintain_order=True):
        values = [
            # Drawn only: the amounts themselves stand in the tables.
            {"account": account, "change": float(change), "color": DEARER if change > 0 else CHEAPER}
            for account, change in rows.select("account_id", "change").iter_rows()
        ]
        charts.append(
            _drawn(
                {"values": values},
                mark={"type": "bar"},
                x={"field": "change", "type": "quantitative", "title": f"change of revenue, {currency}"},
                y={"field": "account", "type": "nominal", "sort": None, "title": None},
                size=(620, 22 * len(values)),
            )
        )
    return charts


def _drawn(data: dict[str, Any], *, mark: dict[str, Any], x: Any, y: Any, size: tuple[int, int]) -> str:
    import altair as alt  # noqa: PLC0415 - an extra: only pages with charts need it
    import vl_convert  # noqa: PLC0415 - likewise

    color = {"field": "color", "type": "nominal", "scale": None}
    width, height = size
    spec = {"data": data, "mark": mark, "encoding": {"x": x, "y": y, "color": color}, "width": width, "height": height}
    svg: str = vl_convert.vegalite_to_svg(alt.Chart.from_dict(spec).to_json())
    return svg
