"""The night, in order: the page to read first.

landing -> snapshots -> tables as of D -> dbt -> candidate -> gates -> publish. A night can be killed anywhere and run
again; two nights wait for each other; what readers see changes in one rename at the very end, or not at all.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl

from data_contracts import TABLES, Companies, LandedFiles, UsageStates
from data_contracts.marts import MARTS
from data_contracts.render import contract_columns
from data_contracts.runs import Run
from data_contracts.validation import ContractError
from orchestration import chain, gates, home_format, intake, issued, publish, seals, settled
from orchestration.build import BOOK_TABLES, Build, code_hash, open_build
from orchestration.completeness import feed_days, open_or_late
from orchestration.errors import Held, UsageError
from orchestration.lock import run_lock
from orchestration.records import Record, logged, note_refused, note_tables, run_log, run_tables, timed
from orchestration.settings import Settings
from orchestration.sizes import built_sizes, delivered_sizes, mart_sizes
from orchestration.sources import fetch_through
from orchestration.tables import Builder, made_by
from orchestration.warehouse import DBT_PROJECT, docs_page, prepare_warehouse, run_dbt, write_docs
from transforms.account_contracts import account_contracts
from transforms.accounts import accounts
from transforms.adjustments import adjustments
from transforms.billable_lines import billable_lines
from transforms.billing_document_lines import billing_document_lines
from transforms.billing_documents import billing_documents
from transforms.corrections import corrections
from transforms.cost_shares import cost_shares
from transforms.costs import costs
from transforms.exchange_rates import exchange_rates
from transforms.findings import findings
from transforms.line_items import RULE_VERSION, line_items
from transforms.posted_line_items import posted_line_items
from transforms.priced_usage import priced_usage
from transforms.rated_events import rated_events
from transforms.rates import rates
from transforms.standing_bills import standing_bills
from transforms.usage_days import usage_days
from transforms.usage_levels import usage_levels
from transforms.usage_outcomes import usage_outcomes
from transforms.usage_slots import usage_slots
from transforms.usage_states import usage_states
from transforms.zone_days import zone_days

# The tables as of D, in the order in which data flows. Add a line; nothing registers itself.
NIGHTLY: tuple[Builder, ...] = (
    accounts,
    zone_days,
    account_contracts,
    exchange_rates,
    rates,
    usage_slots,
    usage_states,
    usage_days,
    usage_levels,
    priced_usage,
    rated_events,
    line_items,
    usage_outcomes,
    corrections,
    adjustments,
    posted_line_items,
    billable_lines,
    billing_document_lines,
    billing_documents,
    standing_bills,
    costs,
    cost_shares,
    findings,
)

Progress = Callable[[str], None]
Report = Callable[[list[gates.GateResult]], None]
RECONCILIATION = "aud_reconciliation"
DOCS = DBT_PROJECT / "docs"


def run(settings: Settings, as_of: date, *, issues_all: bool = False, progress: Progress = lambda _: None) -> Record:
    """Run the night of `as_of`: everything delivered up to then, priced, checked and published.

    A range is the same run: deliveries before `as_of` that have no snapshot yet get one on the way, each as its own
    delivery, ascending; on the days of issue on the way what is due is issued as its own night would have.
    `issues_all`: everything that is due is issued tonight, whether or not the book has a rule.
    Refuses: a gate that fails (`Held`; the last good run stays served), input or settings that cannot be used.
    """
    require_landing(settings)
    keep_private(settings)
    with run_lock(settings, progress=progress), logged(settings, as_of) as record:
        publish.recover(settings)
        require_logs(settings)
        take_snapshots(settings, record, progress)
        issue_on_the_way(settings, record, progress)
        build = open_build(settings, as_of, issues_all=issues_all)
        make_tables(build, record, progress)
        make_marts(build, record, progress)
        publish_marts(build, record, progress)
        drop_old_builds(settings, build)
    return record


def require_landing(settings: Settings) -> None:
    """Refuse a home in which nothing has ever landed, before anything is written there."""
    if not settings.landing.is_dir() and not settings.delivered.is_dir() and not settings.postgres_queries:
        raise UsageError(f"{settings.landing}: nothing has landed; files go to landing/<dataset>/<delivery date>/.")


def require_logs(settings: Settings) -> None:
    """Refuse a chain of seals or an issue log that lacks what the served run has seen: an older backup was restored."""
    served = publish.published_run(settings)
    seen = served.manifest() if served is not None else {}
    seals.require_head(settings, seen.get(seals.SEEN))
    issued.require_head(settings, seen.get(issued.HEAD))


def keep_private(settings: Settings) -> None:
    """Make the home of the state, and shut it to everybody but its owner and group: usage is personal data."""
    home_format.require(settings)
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.home.chmod(settings.home.stat().st_mode & ~0o007)


def take_snapshots(settings: Settings, record: Record, progress: Progress) -> None:
    """Snapshot every delivery up to D that has none yet, after landing what is fetched for it."""
    record.rows["fetched"] = timed(record, "fetch", lambda: fetch_through(settings, record.as_of, progress=progress))
    progress("reading what was delivered")
    made = timed(record, "snapshots", lambda: intake.snapshot_through(settings, record.as_of, progress=progress))
    record.rows["snapshots"] = len(made)
    note_tables(record, "snapshots", delivered_sizes(settings, made))
    landed = open_build(settings, record.as_of).delivered(LandedFiles, made)
    refused = landed.filter(pl.col("status") == "refused").select("source_file", "message").collect()
    note_refused(record, refused.iter_rows())
    record.rejected_rows = landed.select(pl.col("rejected_rows").sum()).collect().item()
    record.incomplete_feeds = open_or_late(open_build(settings, record.as_of))


def issue_on_the_way(settings: Settings, record: Record, progress: Progress) -> None:
    """Issue what was due on days of issue before D that no night has come to, from the tables as of each of them.

    What a gate would have held on such a day is issued by the next night that passes, as if each had run by itself.
    """
    through = open_build(settings, record.as_of)
    through.make_book()
    for day in issued.due_days(through):
        if not through.deliveries[0] <= day < record.as_of:
            continue
        progress(f"{day}: a day of issue")
        build = open_build(settings, day)
        make_tables(build, record, progress)
        make_marts(build, record, progress)
        candidate, results = judged(build, record, progress)
        shutil.rmtree(candidate)
        if all(result.passed for result in results):
            issue(build, record)


def issue(build: Build, record: Record) -> None:
    """Add what the night issues to the log, after every gate has passed and before readers see it."""
    count = timed(record, "issue", lambda: issued.append(build))
    record.rows["issued"] = record.rows.get("issued", 0) + count


def make_tables(build: Build, record: Record, progress: Progress) -> None:
    """Make the tables as of D, in the order of the night."""
    timed(record, "price_book", build.make_book)
    note_tables(record, "price_book", built_sizes(build, BOOK_TABLES))
    for builder in NIGHTLY:
        make_table(build, builder, record, progress)


def make_table(build: Build, builder: Builder, record: Record, progress: Progress) -> None:
    """Make one table as of D from the tables that its builder names."""
    name = builder.__name__
    try:
        record.rows[name] = timed(record, name, lambda: build.make(builder))
    except ContractError as error:
        raise Held(f"{error}\nNothing was published; the last good run is still served.") from error
    note_tables(record, name, built_sizes(build, [made_by(builder).table]))
    if made_by(builder).table is UsageStates:
        record.rows["cells_added_up"] = build.cells_added_up
        progress(f"{name}: {build.cells_added_up:,} cells added up, the others kept from earlier nights")
    progress(f"{name}: {record.rows[name]:,} rows")


def make_marts(build: Build, record: Record, progress: Progress) -> None:
    """Let dbt make the marts in the build's own file."""
    sources = {table.table_name: build.files(table) for table in TABLES}
    extra = {
        "run": run_row(build, record.number),
        "run_log": run_log(build.settings),
        "run_tables": run_tables(build.settings),
        "feed_days": feed_days(build),
        "columns": contract_columns(),
    }
    prepare_warehouse(build.warehouse, sources, extra)
    progress("dbt: building and testing the marts")
    timed(record, "dbt", lambda: run_dbt(build.settings, build.warehouse, build.dbt_folder))
    timed(record, "docs", lambda: write_docs(build.settings, build.warehouse, build.dbt_folder))


def publish_marts(build: Build, record: Record, progress: Progress, report: Report = lambda _: None) -> None:
    """Write the publish file, let every gate judge that very file, then issue and switch; or hold.

    `report` hears every gate. What is issued stands in the file already: a night that dies between the two finds it in
    the log and publishes the same.
    """
    candidate, results = judged(build, record, progress)
    report(results)
    failed = [result for result in results if not result.passed]
    record.gates_passed = len(results) - len(failed)
    if failed:
        held = publish.hold(build.settings, candidate, _night(build, record))
        raise Held(gates.explain(failed, held / publish.DATABASE), gates.differences(failed))
    issue(build, record)
    publish.note(candidate, issued.HEAD, chain.head(issued.chain(build.settings)))
    published = publish.switch(build.settings, candidate, _night(build, record))
    served = publish.published_run(build.settings)
    record.path = str(published.path)
    record.is_latest = served is not None and served.number == published.number


def judged(build: Build, record: Record, progress: Progress) -> tuple[Path, list[gates.GateResult]]:
    """Write the file that would be published, let every gate judge it, and return both."""
    memory_mb = build.settings.memory_mb
    hashes = timed(record, "hashes", lambda: publish.hash_tables(build.warehouse, MARTS, memory_mb=memory_mb))
    pages = {"index.html": docs_page(build.dbt_folder)} | {page.name: page for page in sorted(DOCS.glob("*.md"))}
    night = _night(build, record)
    candidate = timed(
        record,
        "candidate",
        lambda: publish.write_candidate(build.settings, night, build.warehouse, hashes, MARTS, pages),
    )
    note_tables(record, "dbt", mart_sizes(candidate, hashes, build, MARTS))
    progress("gates: judging the file that would be published")
    reconciliation = build.compiled_sql(RECONCILIATION)
    results = timed(
        record,
        "gates",
        lambda: gates.run_gates(candidate, reconciliation, hashes, MARTS, memory_mb=memory_mb, seals=build.seals),
    )
    return candidate, results


def _night(build: Build, record: Record) -> publish.Night:
    facts = {
        "build": build.path.name,
        "code_hash": code_hash(),
        "lake_hash": build.lake_hash,
        "rule_version": RULE_VERSION,
        seals.SEEN: chain.head(seals.chain(build.settings)),
    }
    return publish.Night(record.number, build.as_of, facts)


def drop_old_builds(settings: Settings, current: Build) -> None:
    """Keep the builds of published runs, which `explain` reads, the current one, and what settles closed months."""
    kept = {current.path.name} | {run.manifest()["build"] for run in publish.published_runs(settings)}
    kept |= {build.path.name for build in settled.builds(current).values()}
    for folder in settings.build.glob("????-??-??-*"):
        if folder.name not in kept:
            shutil.rmtree(folder)


def rehearse(
    settings: Settings,
    as_of: date,
    *,
    progress: Progress = lambda _: None,
    look: Callable[[Settings, Record], None] = lambda _settings, _record: None,
) -> Record:
    """Run the night in a copy of the state that is thrown away: what would be published, and nothing is written.

    The copy links to the landing zone and the snapshots, so it costs the tables of one night. `look` sees the copy with
    what it has published, before it is thrown away.
    """
    require_landing(settings)
    home = Path(tempfile.mkdtemp(prefix="ratebook-rehearsal-"))
    try:
        for folder in ("landing", "feeds", "lake", "seals", "issued"):
            if (settings.home / folder).is_dir():
                shutil.copytree(settings.home / folder, home / folder, copy_function=_link, symlinks=True)
        rehearsed = settings.model_copy(update={"home": home, "notify_on": frozenset()})
        record = run(rehearsed, as_of, progress=progress)
        look(rehearsed, record)
    except Held as held:
        # What would be held is kept, or the SQL that shows the difference would have no file to run on.
        raise Held(f"{held}\nThe rehearsal is kept in {home}; remove it when you have looked.") from held
    except BaseException:
        shutil.rmtree(home)
        raise
    shutil.rmtree(home)
    return record


def _link(source: str, target: str) -> str:
    try:
        Path(target).hardlink_to(source)
    except OSError:  # another file system: a link cannot reach there, a copy can
        shutil.copy2(source, target)
    return target


def run_row(build: Build, number: int) -> pl.DataFrame:
    """Describe the run that makes this build, for `meta.run`."""
    settings = build.settings.model_dump_json(exclude={"home"})
    values = (
        number,
        build.as_of,
        build.deliveries[0],
        build.deliveries[-1],
        len(build.deliveries),
        code_hash(),
        build.book_hash,
        hashlib.sha256(settings.encode()).hexdigest(),
        build.lake_hash,
        build.frame(Companies).select("reporting_currency").collect().item(),
        RULE_VERSION,
    )
    return pl.DataFrame([values], schema=Run.schema(), orient="row")
