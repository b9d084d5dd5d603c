"""The gates: what must hold on the very file that readers would get, before they get it.

They run read-only on the candidate. dbt's tests and Dagster's checks show the same facts earlier; these are the
control. A gate that crashes, compares nothing or finds null has failed. The tie-outs have one definition: the SQL
that dbt compiled for `audit.aud_reconciliation`, executed once more, here.
"""

import glob
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from data_contracts.marts import AudFeedDay, AudReconciliation, Mart, MetaRun
from data_contracts.validation import validate
from orchestration.errors import Difference
from orchestration.hashing import canonical_hash, column_types, literal, quoted
from orchestration.publish import (
    DATABASE,
    MANIFEST,
    META_TABLES,
    OUTSIDE_HASH,
    SCHEMAS,
    Hashes,
    duckdb_config,
    place_of,
)
from orchestration.seals import Seal

# The candidate is attached under the name of the build file, which the compiled SQL names.
CATALOG = "warehouse"
BATCH_ROWS = 200_000
SHOWN_GATES = 5
AMOUNT = re.compile(r"amount|.*_amount|amount_.*")
# Compares rows and quantities as well as money; its scope names the currency.
WITHOUT_CURRENCY = frozenset({place_of(AudReconciliation)})
# Every tie-out there must be a row of. Written down beside the dbt models that make them (a test compares the two), so
# that a check that is dropped, renamed or filtered away is missed instead of forgotten.
CHECKS = (
    "landed_rows_decided",
    "landed_quantity_decided",
    "usage_rows_kept",
    "usage_quantity_kept",
    "rejected_rows_kept",
    "actions_kept",
    "accepted_events_in_usage_daily",
    "accepted_events_decided",
    "accepted_quantity_decided",
    "revenue_lines_on_invoice_lines",
    "revenue_lines_counted_on_invoice_lines",
    "invoice_lines_on_invoices",
    "invoice_totals_add_up",
    "unbilled_is_not_issued",
    "document_numbers_without_gap",
    "one_invoice_per_period",
    "revenue_lines_in_revenue_daily",
    "revenue_daily_in_report_by_product",
    "revenue_daily_in_report_by_account",
    "fee_lines_in_payment_fees",
    "amounts_in_minor_units",
    "cost_rows_kept",
    "cost_amounts_kept",
    "standing_charges_in_cost_rows",
    "provider_cost_in_cost_daily",
    "cost_lines_in_cost_daily",
    "revenue_and_cost_in_gross_margin",
    "counted_cost_in_gross_margin",
    "margins_in_reporting_currency",
    "amounts_in_reporting_gross_margin",
    "fx_rates_kept",
    "exchange_rates_as_delivered",
    "lines_reported_at_the_rate",
    "converted_lines_name_their_rate",
    "reported_lines_in_revenue_daily",
    "reported_lines_on_invoices",
    "reported_lines_on_headers",
    "reported_revenue_in_report_by_product",
    "reported_revenue_in_report_by_account",
    "closed_lines_as_sealed",
    "closed_months_explained",
    "adjustments_have_causes",
)
# Whatever a gate dies of counts as a failure of this gate (F77). Listed, so that an interrupt still interrupts.
CRASHES = (ArithmeticError, AssertionError, LookupError, OSError, TypeError, ValueError, duckdb.Error)


@dataclass(frozen=True)
class GateResult:
    """What one gate found on one thing: a tie-out, a table, a file."""

    name: str
    scope: str
    passed: bool
    left: str | None = None
    right: str | None = None
    difference: str | None = None
    drill_sql: str | None = None
    message: str = ""


@dataclass(frozen=True)
class Candidate:
    """What the gates look at: the directory, opened, and what it has to agree with."""

    path: Path
    connection: duckdb.DuckDBPyConnection
    reconciliation_sql: str
    build_hashes: Hashes
    marts: Sequence[type[Mart]]
    checks: Sequence[str]
    seals: Sequence[Seal] = ()


Gate = Callable[[Candidate], Iterator[GateResult]]


def run_gates(
    candidate: Path,
    reconciliation_sql: str,
    build_hashes: Hashes,
    marts: Sequence[type[Mart]],
    checks: Sequence[str] = CHECKS,
    *,
    memory_mb: int = 1024,
    seals: Sequence[Seal] = (),
) -> list[GateResult]:
    """Run every gate on a candidate, read-only, and return what each found; none stops the others.

    The publish is held if any has not passed. `build_hashes` were taken of the build file, before the candidate was
    written; `checks` are the tie-outs of which each must have at least one row, `seals` those that the run sees.
    """
    if list(candidate.rglob("*.wal")):
        # Opening it would replay or refuse the log: nothing else can be said about this file.
        return list(no_write_ahead_log(candidate))
    # A spill folder inside the candidate would be published with it.
    config = duckdb_config(memory_mb, candidate.parent)
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute(f"attach {literal(str(candidate / DATABASE))} as {CATALOG} (read_only)")
        opened = Candidate(candidate, connection, reconciliation_sql, build_hashes, marts, checks, seals)
        results = [result for gate in GATES for result in _run(gate, opened)]
    return [*no_write_ahead_log(candidate), *results]


def explain(failed: Sequence[GateResult], database: Path) -> str:
    """Return the lines that a person needs: which gates, by how much, and how to see the rows in the held database."""
    lines = [f"{len(failed)} gates held the publish; the last good run is still served."]
    for result in failed[:SHOWN_GATES]:
        compared = f": {result.left} is not {result.right}, difference {result.difference}" if result.left else ""
        lines.append(f"  {result.name} [{result.scope}]{compared}. {result.message}".rstrip())
        if result.drill_sql:
            lines.append(f"    {result.drill_sql}")
    if len(failed) > SHOWN_GATES:
        lines.append(f"  and {len(failed) - SHOWN_GATES} more")
    lines.append(f"The SQL runs on the held file: duckdb -readonly '{database}'")
    return "\n".join(lines)


def differences(failed: Sequence[GateResult]) -> list[Difference]:
    """Return what each failed gate has found, for who is told by a message."""
    return [
        Difference(result.name, result.scope, result.difference, result.message, result.drill_sql) for result in failed
    ]


def _run(gate: Gate, candidate: Candidate) -> list[GateResult]:
    found: list[GateResult] = []
    try:
        found.extend(gate(candidate))
    except (*CRASHES, pl.exceptions.PolarsError) as error:
        crash = f"The gate crashed, which counts as failed: {type(error).__name__}: {error}"
        found.append(GateResult(_name(gate), "all", passed=False, message=crash))
    return found or [
        GateResult(_name(gate), "all", passed=False, message="It compared nothing, which counts as failed.")
    ]


def _name(gate: Gate) -> str:
    return str(getattr(gate, "__name__", gate))


def no_write_ahead_log(candidate: Path) -> Iterator[GateResult]:
    """No write-ahead log lies beside the file: its rows would be lost with a copy of the file (K13)."""
    found = sorted(path.name for path in candidate.rglob("*.wal"))
    yield GateResult("no_write_ahead_log", "all", not found, message=", ".join(found))


def only_declared_tables(candidate: Candidate) -> Iterator[GateResult]:
    """The file holds exactly the tables that have a contract, and tables only: a view would embed a private path."""
    declared = {(*place_of(mart), "BASE TABLE") for mart in candidate.marts}
    found = set(
        candidate.connection.execute(
            "select table_schema, table_name, table_type from information_schema.tables where table_catalog = ?",
            [CATALOG],
        ).fetchall()
    )
    wrong = [f"{kind.lower()} {schema}.{table}" for schema, table, kind in sorted(declared ^ found)]
    yield GateResult(
        "only_declared_tables",
        ", ".join(SCHEMAS),
        not wrong,
        str(len(found)),
        str(len(declared)),
        str(len(found) - len(declared)),
        "select table_schema, table_name, table_type from information_schema.tables",
        f"Either declared or found, not both: {', '.join(wrong)}" if wrong else "",
    )


def contracts(candidate: Candidate) -> Iterator[GateResult]:
    """Every row of every table keeps its contract: names, types, order, nulls, ranges, and one row per key."""
    for mart in candidate.marts:
        schema, table = place_of(mart)
        found = column_types(candidate.connection, schema, table, catalog=CATALOG)
        declared = {name: column.type.duckdb for name, column in mart.columns.items()}
        if list(found.items()) != list(declared.items()):
            message = f"Its columns are {found}; the contract says {declared}."
            yield GateResult("contracts", f"{schema}.{table}", passed=False, message=message)
            continue
        yield _repeated_keys(candidate, mart) or _broken_rows(candidate, mart)


def _repeated_keys(candidate: Candidate, mart: type[Mart]) -> GateResult | None:
    keys = ", ".join(quoted(name) for name in mart.keys)
    scope = ".".join(place_of(mart))
    drill = f"select {keys}, count(*) from {quoted(*place_of(mart))} group by {keys} having count(*) > 1 limit 5"
    repeated = _rows(candidate, drill.replace(quoted(*place_of(mart)), _place(mart)))
    if not repeated:
        return None
    shown = "; ".join(str(row[:-1]) for row in repeated)
    message = f"More than one row of the same key ({', '.join(mart.keys)}): {shown}"
    return GateResult("contracts", scope, passed=False, drill_sql=drill, message=message)


def _broken_rows(candidate: Candidate, mart: type[Mart]) -> GateResult:
    scope = ".".join(place_of(mart))
    columns = ", ".join(quoted(name) for name in mart.columns)
    rows = _count(candidate, f"select count(*) from {_place(mart)}")
    for start in range(0, max(rows, 1), BATCH_ROWS):
        # The row number of a table file is its place in it: each batch reads its own part of the file, once.
        batch = candidate.connection.sql(
            f"select {columns} from {_place(mart)} where rowid >= {start} and rowid < {start + BATCH_ROWS}"
        )
        try:
            validate(mart, pl.DataFrame(batch))
        except ValueError as error:
            drill = f"from {quoted(*place_of(mart))}"
            return GateResult("contracts", scope, passed=False, drill_sql=drill, message=str(error))
    return GateResult("contracts", scope, passed=True, left=str(rows), right=str(rows), difference="0")


def no_float(candidate: Candidate) -> Iterator[GateResult]:
    """No column is binary floating point: one `/` or `avg` is enough to make one (K4)."""
    drill = "select * from duckdb_columns() where data_type like '%DOUBLE%' or data_type like '%FLOAT%'"
    found = _rows(
        candidate,
        "select schema_name || '.' || table_name || '.' || column_name || ' ' || data_type from duckdb_columns() "
        f"where database_name = '{CATALOG}' and (data_type like '%DOUBLE%' or data_type like '%FLOAT%') order by 1",
    )
    message = (
        f"{', '.join(row[0] for row in found)}: cast to the decimal of the contract before dividing." if found else ""
    )
    yield GateResult("no_float", "all", not found, str(len(found)), "0", str(len(found)), drill, message)


def no_null_key(candidate: Candidate) -> Iterator[GateResult]:
    """No column of a grain is null: such a row joins with nothing and is silently left out."""
    for mart in candidate.marts:
        if mart.keys:
            any_null = " or ".join(f"{quoted(name)} is null" for name in mart.keys)
            yield _none_of("no_null_key", candidate, mart, any_null, "rows have a null in their key")


def amounts_have_currency(candidate: Candidate) -> Iterator[GateResult]:
    """An amount stands beside the currency it is in, in the same table and in every row."""
    for mart in candidate.marts:
        scope = ".".join(place_of(mart))
        types = column_types(candidate.connection, *place_of(mart), catalog=CATALOG)
        amounts = [name for name in types if AMOUNT.fullmatch(name)]
        if place_of(mart) in WITHOUT_CURRENCY or not amounts:
            continue
        if "currency" not in types:
            message = f"{', '.join(amounts)}: no column `currency` in the table says what they are in."
            yield GateResult("amounts_have_currency", scope, passed=False, message=message)
            continue
        any_amount = " or ".join(f"{quoted(name)} is not null" for name in amounts)
        condition = f"currency is null and ({any_amount})"
        yield _none_of("amounts_have_currency", candidate, mart, condition, "rows have an amount and no currency")


def feeds_are_complete(candidate: Candidate) -> Iterator[GateResult]:
    """Every feed that the publish is to wait for has brought what was due (F01); others only mark lines provisional."""
    waited_for = "status = 'incomplete' and if_missing = 'hold'"
    found = _rows(
        candidate,
        "select feed || ' ' || delivery_date, arrived_files || ' of ' || expected_files || ' files, ' "
        f"|| arrived_rows || ' of ' || expected_rows || ' rows', message from {_place(AudFeedDay)} "
        f"where {waited_for} order by feed, delivery_date",
    )
    drill = f"from audit.aud_feed_day where {waited_for}"
    remedy = (
        "Land the files under their own day and run the next date, which takes them. To publish without them, say "
        "`if_missing: provisional`, or name the day in `except_on`, in RATEBOOK_EXPECTED_FEEDS."
    )
    for scope, difference, message in found:
        yield GateResult(
            "feeds_are_complete",
            scope,
            passed=False,
            difference=difference,
            drill_sql=drill,
            message=f"{message} {remedy}",
        )
    if not found:
        yield GateResult("feeds_are_complete", "all", passed=True, difference="0", drill_sql=drill)


def reconciliation(candidate: Candidate) -> Iterator[GateResult]:
    """Every tie-out holds when it is computed again on the file itself; null and a missing check have failed."""
    columns = "check_name, scope, left_amount, right_amount, difference, tolerance, is_passed, drill_sql"
    seen = set()
    for check, scope, left, right, difference, tolerance, is_passed, drill in _rows(
        candidate, f"select {columns} from ({_recomputed(candidate)}) order by check_name, scope"
    ):
        seen.add(check)
        is_known = None not in (left, right, difference, tolerance)
        # Not only what the row says of itself: the numbers are looked at, too.
        holds = is_known and is_passed is True and left - right == difference and abs(difference) <= tolerance
        message = "" if is_known else "A side is null: unknown is not equal."
        yield GateResult(check, str(scope), holds, _text(left), _text(right), _text(difference), drill, message)
    for check in sorted(set(candidate.checks) - seen):
        message = "The check has no row; one that compares nothing has failed."
        yield GateResult(check, "all", passed=False, drill_sql="from audit.aud_reconciliation", message=message)


def reconciliation_as_stored(candidate: Candidate) -> Iterator[GateResult]:
    """What readers find in `audit.aud_reconciliation` is what the tie-outs give on this file."""
    columns = ", ".join(
        f"cast({quoted(name)} as {column.type.duckdb}) as {quoted(name)}"
        for name, column in AudReconciliation.columns.items()
    )
    ours = f"select {columns} from ({_recomputed(candidate)})"
    stored = f"select {columns} from {_place(AudReconciliation)}"
    differing = _rows(
        candidate,
        f"select check_name, scope from (({ours} except all {stored}) union all ({stored} except all {ours}))",
    )
    named = ", ".join(sorted({f"{check} [{scope}]" for check, scope in differing}))
    yield GateResult(
        "reconciliation_as_stored",
        "audit.aud_reconciliation",
        not differing,
        drill_sql="from audit.aud_reconciliation",
        message=f"The stored rows are not those computed again: {named}" if differing else "",
    )


def hashes_as_built(candidate: Candidate) -> Iterator[GateResult]:
    """Every table has the rows and the canonical hash that it had in the build file, and `meta.tables` says so."""
    for mart in candidate.marts:
        yield _same_hash("hashes_as_built", candidate, mart, CATALOG, place_of(mart)[0])
    listed = {
        (schema, table): (rows, sha256)
        for schema, table, rows, sha256 in _rows(candidate, f"from {quoted(CATALOG, *META_TABLES)}")
    }
    wrong = sorted(
        ".".join(place)
        for place in set(listed) | set(candidate.build_hashes)
        if place not in listed
        or place not in candidate.build_hashes
        or listed[place] != (candidate.build_hashes[place].rows, candidate.build_hashes[place].sha256)
    )
    message = f"It says something else than the build: {', '.join(wrong)}" if wrong else ""
    yield GateResult(
        "hashes_as_built", "content of meta.tables", not wrong, drill_sql="from meta.tables", message=message
    )


def parquet_as_built(candidate: Candidate) -> Iterator[GateResult]:
    """Every Parquet copy has the types, the rows and the canonical hash of the table it copies."""
    candidate.connection.execute("create schema if not exists memory.parquet")
    for mart in candidate.marts:
        schema, table = place_of(mart)
        file = literal(glob.escape(str(candidate.path / "parquet" / schema / f"{table}.parquet")))
        view = quoted("memory", "parquet", table)
        candidate.connection.execute(f"create or replace view {view} as from read_parquet({file})")
        types = column_types(candidate.connection, "parquet", table, catalog="memory")
        in_file = column_types(candidate.connection, schema, table, catalog=CATALOG)
        if types != in_file:
            message = f"The copy has {types}, the table has {in_file}."
            yield GateResult("parquet_as_built", f"{schema}.{table}", passed=False, message=message)
            continue
        yield _same_hash("parquet_as_built", candidate, mart, "memory", "parquet")


def closed_months_as_sealed(candidate: Candidate) -> Iterator[GateResult]:
    """Every closed month has, in every mart that is sealed, the rows and the canonical hash of its seal."""
    candidate.connection.execute("create schema if not exists memory.closed")
    if not candidate.seals:
        yield GateResult("closed_months_as_sealed", "(no month is closed)", passed=True)
    for seal in candidate.seals:
        for name, stated in sorted(seal.partitions().items()):
            schema, table = name.split(".")
            keys = next(mart.keys for mart in candidate.marts if place_of(mart) == (schema, table))
            condition = (
                f"legal_entity_id = {literal(seal.legal_entity_id)} and accounting_period = '{seal.month:%Y-%m}'"
            )
            candidate.connection.execute(
                f"create or replace view {quoted('memory', 'closed', table)} as "
                f"select * from {quoted(CATALOG, schema, table)} where {condition}"
            )
            rows, sha256 = canonical_hash(candidate.connection, "closed", table, keys, catalog="memory")
            sealed_rows, sealed_hash = stated["rows"], stated["canonical_hash"]
            passed = (rows, sha256) == (sealed_rows, sealed_hash)
            yield GateResult(
                "closed_months_as_sealed",
                f"{name} {seal.month:%Y-%m} {seal.legal_entity_id}",
                passed,
                str(rows),
                str(sealed_rows),
                str(rows - sealed_rows),
                f"from {quoted(schema, table)} where {condition}",
                "" if passed else f"A closed month has changed: its hash is {sha256}, sealed is {sealed_hash}.",
            )


def names_one_run(candidate: Candidate) -> Iterator[GateResult]:
    """`meta.run` names exactly one run: the one of the manifest. A reader can tell what is open by one look."""
    manifest = json.loads((candidate.path / MANIFEST).read_text())
    expected = [(manifest["number"], manifest["as_of"])]
    found = _rows(candidate, f"select run_number, cast(as_of_date as varchar) from {_place(MetaRun)}")
    message = "" if found == expected else "The file must name the one run that made it."
    yield GateResult(
        "names_one_run", "meta.run", found == expected, str(found), str(expected), None, "from meta.run", message
    )


# In the order in which a person would ask. Add a line; nothing registers itself. Each has a test that plants the
# difference which only it catches.
GATES: tuple[Gate, ...] = (
    only_declared_tables,
    names_one_run,
    feeds_are_complete,
    contracts,
    no_float,
    no_null_key,
    amounts_have_currency,
    reconciliation,
    reconciliation_as_stored,
    hashes_as_built,
    parquet_as_built,
    closed_months_as_sealed,
)


def _recomputed(candidate: Candidate) -> str:
    # The line feeds keep a comment at the end of the compiled SQL from swallowing the bracket.
    return f"\n{candidate.reconciliation_sql.strip().rstrip(';')}\n"


def _same_hash(name: str, candidate: Candidate, mart: type[Mart], catalog: str, schema: str) -> GateResult:
    built = candidate.build_hashes[place_of(mart)]
    table = mart.table_name
    if place_of(mart) in OUTSIDE_HASH:
        rows, sha256 = _count(candidate, f"select count(*) from {quoted(catalog, schema, table)}"), None
    else:
        rows, sha256 = canonical_hash(candidate.connection, schema, table, mart.keys, catalog=catalog)
    passed = (rows, sha256) == (built.rows, built.sha256)
    message = "" if passed else f"Its hash is {sha256}, that of the build {built.sha256}."
    scope = ".".join(place_of(mart))
    drill = f"from {scope}"
    return GateResult(name, scope, passed, str(rows), str(built.rows), str(rows - built.rows), drill, message)


def _none_of(name: str, candidate: Candidate, mart: type[Mart], condition: str, meaning: str) -> GateResult:
    found = _count(candidate, f"select count(*) from {_place(mart)} where {condition}")
    drill = f"from {quoted(*place_of(mart))} where {condition}"
    message = f"{found:,} {meaning}." if found else ""
    return GateResult(name, ".".join(place_of(mart)), not found, str(found), "0", str(found), drill, message)


def _place(mart: type[Mart]) -> str:
    return quoted(CATALOG, *place_of(mart))


def _rows(candidate: Candidate, sql: str) -> list[tuple]:
    return candidate.connection.execute(sql).fetchall()


def _count(candidate: Candidate, sql: str) -> int:
    return int(_rows(candidate, sql)[0][0])


def _text(number: object) -> str | None:
    return None if number is None else f"{number:f}"
