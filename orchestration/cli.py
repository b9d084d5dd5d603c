"""The command line: the first door to Ratebook. It parses, calls, prints; every decision is made elsewhere.

Modules that compute are imported inside the commands: `ratebook --help` must not wait for Polars, DuckDB or dbt.
Exit codes: 0 done, 1 a gate held the publish, 2 usage or configuration, 3 refused input.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestration.errors import RatebookError, RefusedInput, UsageError

if TYPE_CHECKING:
    from orchestration.close import Closing, Decision
    from orchestration.rebuild import Rebuilt, Recomputed
    from orchestration.records import Record
    from orchestration.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Usage and prices in, money that can be explained out: rated line items, invoices, revenue, cost.",
    epilog="Exit codes: 0 done, 1 a gate held the publish, 2 usage or configuration, 3 refused input.",
)
WIDE = 400
SHOWN_REFUSALS = 5
EARLIEST_CLOCK = timedelta(hours=14)  # the first zone to reach a day
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
GROUPED = re.compile(r"-?[0-9,]+(\.[0-9]+)?")
out = Console()
err = Console(stderr=True)

Home = Annotated[
    Path | None,
    typer.Option("--home", envvar="RATEBOOK_HOME", help="State of the installation.", show_default="./var"),
]
By = Annotated[str, typer.Option("--by", help="Who decides.")]
ApprovedBy = Annotated[str, typer.Option("--approved-by", help="Who approves it: somebody else.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence that an auditor understands.")]
Entity = Annotated[str | None, typer.Option("--entity", help="Legal entity; all of them by default.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Run = Annotated[int | None, typer.Option("--run", help="Number of the published run; the latest one by default.")]


def _say_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        sys.stdout.write(f"ratebook {version('ratebook')}\n")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Options of no command."""


@app.command()
def demo(home: Home = Path("var/demo"), as_json: AsJson = False) -> None:
    """Write the demo company's deliveries, run one night over all of them, and show what was billed."""
    from orchestration import demo as company
    from orchestration import night

    settings = _settings(home)
    with _progress(as_json) as progress:
        if not settings.landing.exists():
            company.write_demo(settings.landing, progress=progress)
        company.refuse_other_data(settings.landing)
        record = night.run(settings, company.LAST_DELIVERY, progress=progress)
    _show_run(record, _billed(settings, record.number), as_json)
    if not as_json:
        _where_to_look(home)


@app.command()
def run(
    home: Home = None,
    on: Annotated[str | None, typer.Option("--date", metavar="DAY", help="Delivery date D of the night.")] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DAY", help="First delivery date of a range.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last delivery date of a range.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything on a copy and throw it away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the night: read what was delivered up to D, price it, check it, publish it.

    With --from and --to, every day of the range is snapshotted as its own delivery and the last one is published.
    """
    from orchestration import night

    settings = _settings(home)
    as_of = _last_day(on, first, last)
    _refuse_future(as_of)
    billed: list[dict[str, Any]] = []
    with _progress(as_json) as progress:
        if dry_run:
            record = night.rehearse(
                settings, as_of, progress=progress, look=lambda copy, made: billed.extend(_billed(copy, made.number))
            )
        else:
            record = night.run(settings, as_of, progress=progress)
            billed = _billed(settings, record.number)
    _show_run(record, billed, as_json, dry_run=dry_run)


@app.command()
def issue(
    home: Home = None,
    on: Annotated[
        str | None, typer.Option("--date", metavar="DAY", help="Delivery date D; the last one taken by default.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be issued; nothing is issued or published.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Issue every invoice and credit note that is due on D, number them, and publish; issued ones never change.

    A book that says `issue: {starts_on: DAY}` has the night do it by rule. What is not out yet: marts.fct_invoice with
    status draft or parked.
    """
    from orchestration import issued, night
    from orchestration.build import open_build
    from orchestration.intake import snapshot_dates

    settings = _settings(home)
    as_of = _day("--date", on) if on else max(snapshot_dates(settings, date.max), default=None)
    if as_of is None:
        raise UsageError(f"{settings.home}: no night has run yet, so there is nothing to issue.")
    _refuse_future(as_of)
    with _progress(as_json) as progress:
        if dry_run:
            documents = issued.rehearsed(open_build(settings, as_of, issues_all=True))
        else:
            before = len(issued.entries(settings))
            night.run(settings, as_of, issues_all=True, progress=progress)
            documents = issued.documents(settings, after=before)
    columns = ["document_number", "document_kind", "payer_id", "billing_period_start", "due_date", "amount", "currency"]
    _show_rows(columns, documents.select(columns).rows(), as_json)
    if not as_json:
        out.print(f"{documents.height:,} documents {'would be' if dry_run else 'are'} issued.")


@app.command()
def parked(home: Home = None, as_json: AsJson = False) -> None:
    """List the invoices and credit notes that are due and may not go out, with age, value and owner."""
    from orchestration import waiting

    _show_rows(waiting.COLUMNS, waiting.parked(_settings(home)), as_json)


@app.command()
def held(home: Home = None, as_json: AsJson = False) -> None:
    """List the adjustments of closed months that are over a bound, with age, value and owner."""
    from orchestration import waiting

    _show_rows(waiting.COLUMNS, waiting.held(_settings(home)), as_json)


@app.command()
def release(
    name: Annotated[str, typer.Argument(metavar="ID", help="As `parked` or `held` shows it.")],
    by: By,
    approved_by: ApprovedBy,
    reason: Reason,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let go what is parked or held, with a reason and two names; it counts from the next delivery date on."""
    from dataclasses import asdict

    from orchestration import waiting

    done = waiting.release(_settings(home), name, reason=reason, requested_by=by, approved_by=approved_by)
    if as_json:
        _print_json(asdict(done))
    else:
        out.print(f"{escape(name)} is released from the next night on.", soft_wrap=True, highlight=False)


@app.command()
def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files below landing/; all new ones by default.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with what has landed: file, line, rule and remedy. Nothing is written."""
    from orchestration.check import check_landing

    settings = _settings(home)
    if not settings.landing.is_dir():
        raise UsageError(f"{settings.landing}: nothing has landed; files go to landing/<dataset>/<delivery date>/.")
    findings = check_landing(settings, paths)
    if as_json:
        _print_json([_plain(finding.__dict__) for finding in findings])
    else:
        for finding in findings:
            out.print(escape(str(finding)), soft_wrap=True, highlight=False)
        out.print(
            f"{len(findings)} problems"
            if findings
            else "Nothing is wrong with what has landed since the last snapshot."
        )
    if findings:
        raise typer.Exit(RefusedInput.exit_code)


@app.command()
def explain(
    line_item_id: Annotated[str, typer.Argument(help="`line_item_id` of marts.fct_line_item.")],
    home: Home = None,
    number: Run = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page to send along.")] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute a line down to its events: quantity, version, tiers, rounding."""
    from orchestration.explain import explanation

    found = explanation(_settings(home), line_item_id.strip(), number)
    if html is not None:
        from orchestration.explanation_page import page

        html.write_text(page(found), "utf-8")
    if as_json:
        _print_json(_plain(found.as_dict()))
    else:
        out.print(escape(found.as_text()), soft_wrap=True, highlight=False)
    if not found.agrees:
        raise typer.Exit(1)


@app.command()
def prices(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID] | diff BEFORE AFTER", help="Only this price; or two folders, each a book."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="INSTANT", help="Only what is in force then, and for whom.")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of books, for editors.")] = False,
    home: Home = None,
    number: Run = None,
    as_json: AsJson = False,
) -> None:
    """List the prices of the published run with their versions; what is in force; or what a changed book means.

    `ratebook prices diff BEFORE AFTER` says in plain words what the book in folder AFTER changes, for a pull request;
    a change that the night would refuse ends with exit code 3 and names file and line.
    """
    if schema:
        from orchestration import book

        _print_json(book.json_schema())
        return
    if words and words[0] == "diff" and len(words) == 3:
        _show_differences(Path(words[1]), Path(words[2]), as_json)
        return
    if words and len(words) > 1:
        raise UsageError("Name one price, or write `diff BEFORE AFTER` with two folders.")
    price_id = words[0] if words else None
    columns, rows = _prices_in_force(home, number, at, price_id) if at else _price_versions(home, number, price_id)
    if not rows:
        what = "in force then" if at else "in the published run"
        raise UsageError(f"No price {price_id or ''} {what}; `ratebook prices` lists them all.".replace("  ", " "))
    _show_rows(columns, rows, as_json)


def _price_versions(home: Path | None, number: int | None, price_id: str | None) -> tuple[Sequence[str], list[Any]]:
    from orchestration.reader import run_sql

    statement = """
        select price_id, price_version_id, contract_id, model, currency, valid_from, valid_to, unit_amount, rate,
            fixed_amount, tiers, is_superseded
        from marts.dim_price order by price_id, currency, valid_from, price_version_id
    """
    result = run_sql(_settings(home), statement, run=number, max_rows=None)
    return result.columns, [row for row in result.rows if price_id in (None, row[0])]


def _prices_in_force(
    home: Path | None, number: int | None, at: str, price_id: str | None
) -> tuple[Sequence[str], Sequence[Any]]:
    from orchestration import desk
    from orchestration.explain import published_build

    found = desk.in_force(published_build(_settings(home), number), _instant("--at", at), price_id)
    return found.columns, found.rows


def _show_differences(before: Path, after: Path, as_json: bool) -> None:
    from dataclasses import asdict

    from orchestration.desk import compare_books

    found = compare_books(before, after)
    if as_json:
        _print_json([asdict(each) for each in found])
        return
    for each in found:
        out.print(f"- {escape(str(each))}", soft_wrap=True, highlight=False)
    if not found:
        out.print("The two books say the same.")


@app.command()
def feeds(
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of feeds, for editors.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the feeds: how files that are not in our format are read, and what is wrong with that."""
    from orchestration.intake import feeds as known

    if schema:
        _print_json(known.json_schema())
        return
    settings = _settings(home)
    found = known.feeds_of(settings).values()
    rows = [(feed.name, feed.dataset, "; ".join(map(str, feed.findings)) or "ok") for feed in found]
    if rows or as_json:
        _show_rows(["feed", "dataset", "state"], rows, as_json)
    else:
        said = (
            f"No feeds. Each is a file {settings.feeds}/<name>.yaml; `ratebook feeds --schema` says what it may hold."
        )
        out.print(escape(said), soft_wrap=True, highlight=False)
    if any(feed.findings for feed in found):
        raise typer.Exit(RefusedInput.exit_code)


@app.command()
def quote(
    book: Annotated[Path, typer.Argument(help="Folder of a price book: all its documents.")],
    price: Annotated[list[str] | None, typer.Option("--price", help="A price of the book; may be repeated.")] = None,
    plan: Annotated[str | None, typer.Option("--plan", help="A plan of the book, instead of prices.")] = None,
    quantity: Annotated[
        str | None, typer.Option("--quantity", help="Units used (or value, for a meter of money) of the one --price.")
    ] = None,
    dimension: Annotated[
        list[str] | None, typer.Option("--dimension", metavar="NAME=VALUE", help="Dimension of the usage.")
    ] = None,
    daily: Annotated[bool, typer.Option("--daily", help="The quantity on each day of the month, not once.")] = False,
    events: Annotated[
        Path | None, typer.Option("--events", help="CSV of usage: meter, occurred_at, quantity or amount, dimensions.")
    ] = None,
    month: Annotated[str, typer.Option("--month", help="Month of the usage.")] = "2026-01",
    currency: Annotated[str | None, typer.Option("--currency", help="Where the book sells in several.")] = None,
    time_zone: Annotated[str, typer.Option("--time-zone", help="IANA zone of the account.")] = "UTC",
    as_json: AsJson = False,
) -> None:
    """Price usage against any book, with the derivation of every line; nothing is read from or written to a home.

    For example: ratebook quote ./book --price large_input --quantity 1500000 --month 2026-10
    """
    from orchestration.quote import Asked, measured, open_book, read_usage
    from orchestration.quote import quote as priced

    first = _month("--month", month)
    prices_asked = price or []
    if (plan is None) == (not prices_asked):
        raise UsageError("Say what to price by: --plan, or --price (several may be given).")
    opened = open_book(book, first)
    usage_from, lines = "--quantity", None
    if events is not None:
        usage, lines = read_usage(events)
        usage_from = str(events)
    elif quantity is not None and len(prices_asked) == 1:
        last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        days = [first + timedelta(days=each) for each in range(last.day)] if daily else [first]
        named = _pairs("--dimension", dimension or [])
        usage = measured(opened, prices_asked[0], quantity, named, days, time_zone)
    else:
        raise UsageError("Say what is used: --events FILE, or --quantity with one --price.")
    found = priced(opened, Asked(first, usage, plan, prices_asked, currency, time_zone, usage_from, lines))
    if as_json:
        _print_json(_plain(found.as_dict()))
        return
    shown_lines = [each for each in found.lines if each.events or each.line["amount"] != 0]
    for each in shown_lines:
        out.print(escape(each.as_text("what the night makes")), soft_wrap=True, highlight=False)
        out.print("")
    if unused := len(found.lines) - len(shown_lines):
        out.print(f"{unused} prices have a line of 0, because nothing of theirs was used (all of them with --json).\n")
    for waiting in found.unpriced:
        shown = ", ".join(f"{name} {value}" for name, value in waiting.items())
        err.print(f"[bold red]Not priced[/bold red] {escape(shown)}", soft_wrap=True, highlight=False)
    for (kind, code), amount in found.totals.items():
        out.print(f"{kind}: {amount:f} {code}", soft_wrap=True, highlight=False)
    if found.unpriced:
        raise typer.Exit(RefusedInput.exit_code)


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if wrong := [text for text, (_, sign, _) in zip(texts, pairs, strict=True) if not sign]:
        raise UsageError(f"{option} {wrong[0]}: write it as name=value.")
    return {name: value for name, _, value in pairs}


@app.command()
def simulate(
    book: Annotated[Path, typer.Option("--book", help="Folder of the changed price book: all its documents.")],
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First service date.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last service date.")],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with charts (extra `report`).")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Movers shown, up and down, per currency.")] = 5,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Rate stored usage with a changed book: revenue and margin by product, who pays more, who pays less.

    Nothing is published and nothing in the home changes. Contracts stay as they are.
    """
    from orchestration import simulate as simulation

    settings = _settings(home)
    if html is not None:
        from orchestration.simulation_page import require_charts

        require_charts()
    with _progress(as_json) as progress:
        found = simulation.simulate(settings, book, _day("--from", first), _day("--to", last), progress=progress)
    if html is not None:
        from orchestration.simulation_page import page

        html.write_text(page(found, book.name, _digits(settings)), "utf-8")
    if as_json:
        _print_json(_plain(found.as_dict()))
        return
    digits = _digits(settings)
    if found.changes_nothing:
        out.print("Nothing changes: every account and product comes to the same with this book.")
    for title, rows in (
        ("In total", found.totals),
        ("By product", found.products),
        ("Who moves most", found.movers(top)),
        ("Contracts with prices of their own, in the numbers above as well", found.locked),
        ("Usage that only one of the books prices", found.suspense),
    ):
        if not rows.is_empty():
            out.print(f"\n[bold]{title}[/bold]")
            _show_rows(rows.columns, [_in_minor_units(row, digits) for row in rows.iter_rows(named=True)], False)
    if html is not None:
        out.print(f"\n{escape(str(html))}", soft_wrap=True, highlight=False)


def _in_minor_units(row: dict[str, Any], digits: dict[str, int]) -> list[Any]:
    """Write amounts in the decimals of their currency, with grouped thousands: 1,234 JPY, 1,234.50 USD."""
    places = digits.get(row.get("currency", ""), 2)
    return [f"{value:,.{places}f}" if isinstance(value, Decimal) else value for value in row.values()]


def _digits(settings: "Settings") -> dict[str, int]:
    from orchestration.reader import run_sql

    return dict(run_sql(settings, "select currency, minor_units from marts.dim_currency", max_rows=None).rows)


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help='For example "from meta.start_here".')],
    home: Home = None,
    number: Run = None,
    max_rows: Annotated[int, typer.Option(min=1, help="Rows shown at most.")] = 1000,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds after which the query is stopped.")] = 60.0,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV; text that looks like a formula is escaped.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the published marts in SQL, read-only and locked down: no files, no network, no settings."""
    from orchestration import reader

    result = reader.run_sql(_settings(home), statement, timeout_seconds=timeout, max_rows=max_rows, run=number)
    if as_csv:
        sys.stdout.write(reader.as_csv(result))
    else:
        _show_rows(result.columns, result.rows, as_json)
    if result.truncated:
        err.print(f"Only the first {max_rows} rows are shown; raise --max-rows for more.")


@app.command()
def close(
    month: Annotated[
        str, typer.Argument(metavar="MONTH", help="Month of postings, as 2026-10; earlier ones close with it.")
    ],
    by: By,
    approved_by: ApprovedBy,
    reason: Reason,
    home: Home = None,
    entity: Entity = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the checklist and what would be closed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close a month for ever: seal what the served run publishes of it. What comes later is an adjustment."""
    from orchestration import close as closing

    with _progress(as_json) as progress:
        done = closing.close(
            _settings(home),
            _month("MONTH", month),
            _decision(reason, by, approved_by),
            legal_entity_id=entity,
            dry_run=dry_run,
            progress=progress,
        )
    _show_closing(done, as_json)


@app.command()
def reopen(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="The last closed month, as 2026-10.")],
    by: By,
    approved_by: ApprovedBy,
    reason: Reason,
    home: Home = None,
    entity: Entity = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be reopened.")] = False,
    as_json: AsJson = False,
) -> None:
    """Open the last closed month again. Its seal stays in the chain; later runs see the month open."""
    from orchestration import close as closing

    with _progress(as_json) as progress:
        done = closing.reopen(
            _settings(home),
            _month("MONTH", month),
            _decision(reason, by, approved_by),
            legal_entity_id=entity,
            dry_run=dry_run,
            progress=progress,
        )
    _show_closing(done, as_json)


@app.command()
def restate(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="Closed month of service, as 2026-10.")],
    by: By,
    approved_by: ApprovedBy,
    reason: Reason,
    home: Home = None,
    entity: Entity = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be posted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let the next night post what tonight's code alone changes of a closed month (audit.aud_rule_drift)."""
    from orchestration import restate as restating

    found = restating.restate(
        _settings(home),
        _month("MONTH", month),
        _decision(reason, by, approved_by),
        legal_entity_id=entity,
        dry_run=dry_run,
    )
    if as_json:
        _print_json([_plain(row) for row in found])
        return
    _show_rows(["legal_entity_id", "currency", "kind", "drift"], [tuple(row.values()) for row in found], False)
    done = "would be posted" if dry_run else "will be posted by the next night"
    out.print(f"The drift of {month} {done}." if found else f"{month} has no drift: nothing was decided.")


@app.command()
def verify(home: Home = None, as_json: AsJson = False) -> None:
    """Walk the seals and the issue log: any changed byte, any missing entry or file. Nothing is written."""
    from orchestration import issued, seals

    settings = _settings(home)
    walked = (
        ("seals", "chain", len(seals.chain(settings)), list(seals.verify(settings))),
        ("issues", "log", len(issued.chain(settings)), list(issued.verify(settings))),
    )
    found = [each for *_, faults in walked for each in faults]
    if as_json:
        _print_json({name: entries for name, _, entries, _ in walked} | {"broken": found})
    else:
        for each in found:
            out.print(escape(each), soft_wrap=True, highlight=False)
        for name, of, entries, faults in walked:
            broken = f"{len(faults)} faults; the first one names where the {of} breaks."
            out.print(f"{entries} {name}. {broken if faults else f'The {of} is whole.'}")
    if found:
        raise typer.Exit(1)


@app.command()
def diff(
    before: Annotated[int, typer.Option("--from", metavar="RUN", help="Number of a published run.")],
    after: Annotated[int, typer.Option("--to", metavar="RUN", help="Number of another one.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Say what two published runs have differently: in total, by cause, by account, by price."""
    from orchestration.diff import diff as compared

    found = compared(_settings(home), before, after)
    if as_json:
        _print_json(_plain(found.as_dict()))
        return
    if not found.totals:
        out.print(f"Runs {before} and {after} have the same amounts.")
        return
    for title, rows in (
        ("The lines that differ, in total", found.totals),
        *((f"By {name}", rows) for name, rows in found.by.items()),
    ):
        out.print(f"\n[bold]{title}[/bold]")
        _show_rows(list(rows[0]), [tuple(row.values()) for row in rows], False)


@app.command()
def rebuild(
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DAY", help="Compute this day again and compare; publish nothing.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make all marts once more from snapshots, seals and logs alone, and publish them; or compare any day.

    With --as-of nothing is written: each table is compared with what was published of that day; exit code 1 if any
    differs.
    """
    from orchestration import rebuild as rebuilding

    settings = _settings(home)
    with _progress(as_json) as progress:
        if as_of is None:
            record = rebuilding.rebuild(settings, progress=progress)
            _show_run(record, _billed(settings, record.number), as_json)
            return
        found = rebuilding.recompute(settings, _day("--as-of", as_of), progress=progress)
    if as_json:
        tables = [{**each.__dict__, "is_equal": each.is_equal} for each in found.tables]
        same_code = found.is_same_code
        _print_json({"as_of": found.as_of.isoformat(), "run": found.run, "same_code": same_code, "tables": tables})
    else:
        shown = [(each.table, each.rows, each.sha256, _verdict(found, each)) for each in found.tables]
        _show_rows(["table", "rows", "canonical hash", "published"], shown, False)
        _say_recomputed(found)
    if found.run is not None and found.differing:
        raise typer.Exit(1)


def _verdict(found: "Recomputed", table: "Rebuilt") -> str:
    if found.run is None:
        return ""
    return "equal" if table.is_equal else "DIFFERS"


def _say_recomputed(found: "Recomputed") -> None:
    if found.run is None:
        said = f"No published run of {found.as_of} is kept: there is nothing to compare with."
    elif found.differing:
        why = "" if found.is_same_code else " Another version of the code published it."
        said = f"{len(found.differing)} tables differ from run {found.run}: {', '.join(found.differing)}.{why}"
    else:
        said = f"All {len(found.tables)} tables are as run {found.run} published them."
    out.print(said, soft_wrap=True, highlight=False)


def _decision(reason: str, by: str, approved_by: str) -> "Decision":
    from orchestration.close import Decision

    now = datetime.now(UTC).replace(tzinfo=None)  # noqa: TID251 - when a person decides, and whether the month has ended
    return Decision(reason, by, approved_by, now)


def _show_closing(done: "Closing", as_json: bool) -> None:
    if as_json:
        _print_json(_plain(done.as_dict()))
        return
    for check in done.checks:
        out.print(escape(str(check)), soft_wrap=True, highlight=False)
    verb = {"close": "closed", "reopen": "reopened"}[done.event]
    for entity, month in done.months:
        out.print(
            f"{month:%Y-%m} of {escape(entity)} {'would be' if done.is_dry_run else 'is'} {verb}.", highlight=False
        )
    if not done.months:
        out.print("Everything up to that month is closed already: nothing was done.")


@app.command()
def migrate(
    home: Home = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a home that an older version wrote to the format of this one; make a backup first."""
    from orchestration import home_format
    from orchestration.lock import run_lock

    settings = _settings(home, any_format=True)
    if not settings.home.is_dir():
        raise UsageError(f"{settings.home} is not there: nothing to migrate.")
    if dry_run:
        done = home_format.migrate(settings, dry_run=True)
    else:
        with _progress(as_json) as progress, run_lock(settings, progress=progress, migrates=True):
            done = home_format.migrate(settings)
    if as_json:
        _print_json({"format": home_format.current(), "dry_run": dry_run, "steps": done})
        return
    for step in done:
        out.print(escape(step), soft_wrap=True, highlight=False)
    verb = "would be" if dry_run and done else "is"
    out.print(
        f"{escape(str(settings.home))} {verb} of format {home_format.current()}.", soft_wrap=True, highlight=False
    )


@app.command()
def doctor(
    home: Home = None,
    test_message: Annotated[
        bool, typer.Option("--test-message", help="Also send a test message, as a failed run would.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check this installation: versions, libraries' behaviour, state on disk, what is published."""
    from orchestration.doctor import diagnose, test_messages

    settings = _settings(home, any_format=True)
    findings = diagnose(settings) + (test_messages(settings) if test_message else [])
    if as_json:
        _print_json([_plain(finding.__dict__) for finding in findings])
    else:
        for finding in findings:
            mark = "[green]ok  [/green]" if finding.ok else "[red]BAD [/red]"
            out.print(f"{mark} {escape(finding.name)}: {escape(finding.detail)}", soft_wrap=True, highlight=False)
            if not finding.ok and finding.remedy:
                out.print(f"     {escape(finding.remedy)}", soft_wrap=True, highlight=False)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(UsageError.exit_code)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an error that a person is meant to read ends in one clear message and its exit code."""
    try:
        app(arguments)
    except RatebookError as error:
        _refuse(type(error).__name__, str(error), error.exit_code)
    except OSError as error:
        # A disk that is full, a folder that is not ours: the system's own words are the clearest.
        _refuse("The system says", f"{error.filename or 'state'}: {error.strerror or error}", UsageError.exit_code)
    except Exception as error:
        # The same said by DuckDB, of the build file or of a candidate. Whoever has not loaded it cannot have raised it.
        duckdb = sys.modules.get("duckdb")
        if duckdb is None or not isinstance(error, duckdb.IOException):
            raise
        _refuse("The system says", str(error), UsageError.exit_code)


def _refuse(what: str, message: str, exit_code: int) -> NoReturn:
    err.print(f"[bold red]{what}[/bold red] {escape(message)}", soft_wrap=True, highlight=False)
    raise SystemExit(exit_code) from None


def _settings(home: Path | None, *, any_format: bool = False) -> "Settings":
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from orchestration import home_format
    from orchestration.settings import Settings

    try:
        settings = Settings() if home is None else Settings(home=home)
    except ValidationError as error:
        faults = "; ".join(f"{_setting(each['loc'])}{each['msg']}" for each in error.errors())
        raise UsageError(f"{faults}. `orchestration/settings.py` lists the settings.") from None
    except SettingsError as error:
        raise UsageError(f"A RATEBOOK_* variable that holds a list or an object is no JSON: {error}.") from None
    if settings.home.exists() and not settings.home.is_dir():
        raise UsageError(f"{settings.home} is not a folder; --home (or RATEBOOK_HOME) names the folder of the state.")
    if not any_format:
        home_format.require(settings)
    return settings


def _setting(place: Sequence[int | str]) -> str:
    """Return the variable that is at fault, and the place inside of it; nothing of a fault of several together."""
    name, *inside = map(str, place or [""])
    return f"RATEBOOK_{name.upper()}{''.join(f' {each}' for each in inside)}: " if name else ""


def _last_day(on: str | None, first: str | None, last: str | None) -> date:
    if on is not None and first is None and last is None:
        return _day("--date", on)
    if on is None and first is not None and last is not None:
        if _day("--from", first) > _day("--to", last):
            raise UsageError(f"--from {first} is after --to {last}.")
        return _day("--to", last)
    raise UsageError("Say which night: --date 2026-10-31, or a range with --from and --to.")


def _refuse_future(as_of: date) -> None:
    """A snapshot of a day stands for ever: a mistyped year would take all its days as empty."""
    latest = (datetime.now(UTC) + EARLIEST_CLOCK).date()  # noqa: TID251 - asks whether the day has begun anywhere
    if as_of > latest:
        raise UsageError(f"{as_of} has not begun anywhere; a night is of a delivery date that has.")


def _day(option: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    # 20261031 and 2026-W44-6 are days to Python; here a day is written in one way, as folders are named.
    if day is None or day.isoformat() != text:
        raise UsageError(f"{option} {text}: not a day; write it as 2026-10-31.")
    return day


def _month(option: str, text: str) -> date:
    try:
        return _day(option, f"{text}-01")
    except UsageError:
        raise UsageError(f"{option} {text}: not a month; write it as 2026-10.") from None


def _instant(option: str, text: str) -> datetime:
    """Read an instant with its offset, or a day as its first instant in UTC; return it as naive UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text}: not an instant; write 2026-10-31T12:00:00Z, or a day.") from None
    if moment.tzinfo is None and len(text) > len("2026-10-31"):
        raise UsageError(f"{option} {text}: without an offset it means another instant in each zone; add Z or +02:00.")
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo is not None else moment


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[str], None]]:
    """Report steps on a terminal's status line; in a log each is a line of its own."""
    if as_json:
        yield lambda _: None
    elif err.is_terminal:
        with err.status("starting") as status:
            yield lambda text: status.update(escape(text))
    else:
        yield lambda text: err.print(escape(text), soft_wrap=True, highlight=False)


def _show_run(record: "Record", billed: list[dict[str, Any]], as_json: bool, *, dry_run: bool = False) -> None:
    from dataclasses import asdict

    if as_json:
        _print_json(_plain({**asdict(record), "dry_run": dry_run, "billed": billed}))
        return
    seconds = sum(record.seconds.values())
    # A rehearsal counts in its own copy: its number means nothing here.
    head = "A run of" if dry_run else f"Run {record.number},"
    verb = "would be published" if dry_run else "is published"
    out.print(
        f"{head} everything delivered up to {record.as_of} {verb}: {record.rows.get('line_items', 0):,} line items, "
        f"{record.gates_passed} gates passed, {seconds:.1f} s.",
        soft_wrap=True,
        highlight=False,
    )
    if billed:
        shown = [tuple(map(_grouped, row.values())) for row in billed]
        _show_rows(["month", "currency", "invoices", "billed", "cost"], shown, False)
    for refused in record.refused_files[:SHOWN_REFUSALS]:
        err.print(f"[bold red]Refused[/bold red] {escape(refused)}", soft_wrap=True, highlight=False)
    if record.refused_files:
        err.print(
            f"{len(record.refused_files)} files were refused and are not in these numbers: see audit.aud_input_file. "
            "Land them mended; under a date already taken they belong to the next night.",
            soft_wrap=True,
            highlight=False,
        )
    for message in record.incomplete_feeds[:SHOWN_REFUSALS]:
        err.print(f"[bold yellow]Feed[/bold yellow] {escape(message)}", soft_wrap=True, highlight=False)
    if record.incomplete_feeds:
        err.print(
            f"{len(record.incomplete_feeds)} days of feeds are incomplete or came late: see audit.aud_feed_day. Lines "
            "of days that are not complete are marked `is_provisional`.",
            soft_wrap=True,
            highlight=False,
        )
    if record.rejected_rows:
        err.print(
            f"{record.rejected_rows:,} records of tonight's deliveries were rejected: see audit.aud_rejected_row for "
            "file, line, rule and remedy.",
            soft_wrap=True,
            highlight=False,
        )
    if record.path and not dry_run:
        out.print(f"{record.path}/ratebook.duckdb", soft_wrap=True, highlight=False)
        if not record.is_latest:
            out.print("An older date than the one that is served: `published/latest` did not move.")


def _billed(settings: "Settings", number: int) -> list[dict[str, Any]]:
    """What the run's invoices and cost lines come to, per month and currency, written in the currency's decimals.

    Invoices count in the month in which their billing period starts, cost in its accounting month: a closed one stays.
    """
    from orchestration.reader import run_sql

    statement = """
        with billed as (
            select strftime(billing_period_start, '%Y-%m') as month, currency, count(*) as invoices,
                sum(total_amount) as billed
            from marts.fct_invoice group by all
        ), cost as (
            select accounting_period as month, currency, sum(amount) as cost
            from marts.fct_line_item where kind = 'cost' group by all
        )
        select month, currency, invoices, billed, cost, minor_units
        from billed full join cost using (month, currency) join marts.dim_currency using (currency)
        order by month, currency
    """
    return [
        {
            "month": month,
            "currency": currency,
            "invoices": invoices,
            "billed": None if billed is None else f"{billed:.{digits}f}",
            "cost": None if cost is None else f"{cost:.{digits}f}",
        }
        for month, currency, invoices, billed, cost, digits in run_sql(settings, statement, run=number).rows
    ]


def _where_to_look(home: Path | None) -> None:
    flag = f" --home {home}" if home is not None else ""
    # After the set-up of a bare clone nothing is on the PATH: the command is shown as it can be typed here.
    ratebook = ".venv/bin/ratebook" if Path(".venv/bin/ratebook").exists() else "ratebook"
    for line in (
        "",
        "Where to look next:",
        f'  {ratebook} sql{flag} "from meta.start_here"',
        f'  {ratebook} sql{flag} "from reports.rpt_revenue_by_product"',
        f'  {ratebook} explain{flag} "<a line_item_id of marts.fct_line_item>"',
    ):
        out.print(escape(line), soft_wrap=True, highlight=False)


def _show_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], as_json: bool) -> None:
    if as_json:
        if len(set(columns)) < len(columns):
            raise UsageError("Two columns of one name would be one in JSON: give each its own with `as`.")
        _print_json([_plain(dict(zip(columns, row, strict=True))) for row in rows])
        return
    table = Table(header_style="bold", box=None, pad_edge=False)
    for position, column in enumerate(columns):
        values = [row[position] for row in rows if row[position] is not None]
        is_number = all(isinstance(each, int | Decimal) or GROUPED.fullmatch(str(each)) for each in values)
        table.add_column(escape(column), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*[_cell(value) for value in row])
    # A narrow terminal folds a wide answer; a pipe gets every row on one line, however wide.
    (out if out.is_terminal else Console(width=WIDE)).print(table)


def _grouped(value: Any) -> Any:
    """Group the thousands of a number that is text; everything else stays."""
    return f"{Decimal(value):,f}" if isinstance(value, str) and NUMBER.fullmatch(value) else value


def _cell(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "" if value is None else escape(str(value))


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")


def _plain(value: Any) -> Any:
    """Amounts as text, so that no reader of the JSON turns them into floats."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


if __name__ == "__main__":
    main()
