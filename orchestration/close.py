"""Close a month: seal what it holds, so that it never changes again. And the way back for the last one: reopen.

A close seals what the served run publishes. A run of an older date, or of the same, still sees the month open; every
later one sees it closed, and brings what it should hold as adjustments into the first open month.
"""

import glob
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from data_contracts import (
    Adjustments,
    HeldAdjustments,
    LegalEntities,
    LineInputs,
    PostedLineItems,
    SealedAdjustments,
    SealedInputs,
    SealedLineItems,
    SealedPeriods,
)
from data_contracts.closed_partitions import PARTITIONS
from data_contracts.vocabulary import Table
from orchestration import seals
from orchestration.actions import append_action
from orchestration.build import Build
from orchestration.chain import MANIFEST, head
from orchestration.checklist import Check, checklist
from orchestration.errors import RatebookError, UsageError
from orchestration.explain import published_build
from orchestration.hashing import canonical_hash, literal, quoted
from orchestration.lock import run_lock
from orchestration.publish import PublishedRun, place_of, published_run
from orchestration.seals import CLOSE, REOPEN, Seal
from orchestration.settings import Settings
from orchestration.storage import atomic_directory, scan, sha256_of, write_parquet


@dataclass(frozen=True)
class Decision:
    """Who decides, why, who approves, and when: names as they were given, evidence and no access control."""

    reason: str
    requested_by: str
    approved_by: str
    at: datetime

    def __post_init__(self) -> None:
        """Refuse what would be no evidence."""
        for option, text in (
            ("--reason", self.reason),
            ("--by", self.requested_by),
            ("--approved-by", self.approved_by),
        ):
            if not text.strip():
                raise UsageError(f"{option}: it must not be empty.")
        if self.requested_by.strip().lower() == self.approved_by.strip().lower():
            raise UsageError(f"--approved-by {self.approved_by}: another person than --by has to approve it.")


@dataclass(frozen=True)
class Closing:
    """What a close or a reopening did, or would do."""

    event: str
    months: Sequence[tuple[str, date]]
    run_number: int
    as_of: date
    checks: Sequence[Check] = ()
    seals: Sequence[str] = field(default_factory=list)
    is_dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "event": self.event,
            "months": [{"legal_entity_id": entity, "month": f"{month:%Y-%m}"} for entity, month in self.months],
            "run_number": self.run_number,
            "as_of": self.as_of.isoformat(),
            "checks": [check.__dict__ for check in self.checks],
            "seals": list(self.seals),
            "dry_run": self.is_dry_run,
        }


def close(
    settings: Settings,
    month: date,
    decision: Decision,
    *,
    legal_entity_id: str | None = None,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Closing:
    """Close a month of postings, and all open ones before it, of one legal entity or of all, as the served run has it.

    Rule:    each month of each entity is one seal; killed in between, the ones that are there stand, and the same
             command closes the others. Closing what is closed does nothing.
    Refuses: a month that has not ended in the last zone, or whose end the served run has not seen; a chain that is
             broken; a served run that still saw the month closed which was reopened since.
    """
    with run_lock(settings, progress=progress):
        run = served_run(settings)
        _require_whole_chain(settings)
        build = published_build(settings, run.number)
        months = _open_months(settings, build, month, legal_entity_id)
        checks = checklist(run, month, legal_entity_id, decision.at)
        if wrong := [check for check in checks if not check.is_passed and check.is_blocking]:
            raise UsageError("\n".join([f"{month:%Y-%m} cannot be closed.", *map(str, wrong)]))
        closing = Closing(CLOSE, months, run.number, run.as_of, checks, is_dry_run=dry_run)
        if dry_run or not months:
            return closing
        decide(settings, CLOSE, months, decision)
        made = []
        for entity, each in months:
            progress(f"sealing {each:%Y-%m} of {entity}")
            facts = _facts(CLOSE, run, entity, each)
            marts = partitions(run, of_month(entity, each))
            made.append(seal_month(settings, build, facts, decision, marts).sha256)
        return Closing(CLOSE, months, run.number, run.as_of, checks, made)


def reopen(
    settings: Settings,
    month: date,
    decision: Decision,
    *,
    legal_entity_id: str | None = None,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Closing:
    """Open the last closed month again, of one legal entity or of all of which it is the last; its seal stays.

    Refuses: a month that is not the last closed one of any.
    """
    with run_lock(settings, progress=progress):
        run = served_run(settings)
        _require_whole_chain(settings)
        last = {entity: seal.month for entity, seal in seals.latest(seals.in_force(settings, date.max)).items()}
        asked = {entity: each for entity, each in last.items() if legal_entity_id in (None, entity)}
        months = [(entity, each) for entity, each in sorted(asked.items()) if each == month]
        if not months:
            known = ", ".join(f"{each:%Y-%m} of {entity}" for entity, each in sorted(asked.items())) or "none is closed"
            raise UsageError(f"{month:%Y-%m} is not the last closed month, and only that can be reopened: {known}.")
        closing = Closing(REOPEN, months, run.number, run.as_of, is_dry_run=dry_run)
        if dry_run:
            return closing
        decide(settings, REOPEN, months, decision)
        made = [_append(settings, _facts(REOPEN, run, *each), decision, {}).sha256 for each in months]
        return Closing(REOPEN, months, run.number, run.as_of, (), made)


def seal_month(
    settings: Settings,
    build: Build,
    facts: Mapping[str, Any],
    decision: Decision,
    marts: Mapping[type[Table], pl.DataFrame],
) -> Seal:
    """Write the seal of one month of one legal entity: lines, adjustments, inputs, and its partitions of the marts."""
    mine = pl.col("legal_entity_id") == facts["legal_entity_id"]
    in_month = of_month(facts["legal_entity_id"], facts["month"])
    posted = build.frame(PostedLineItems).filter(mine)
    adjusted = build.frame(Adjustments).filter(mine).collect()
    inputs = build.frame(LineInputs).join(posted.select("account_id").unique(), on="account_id", how="semi")
    frames: dict[type[Table], pl.DataFrame] = {
        SealedLineItems: posted.filter(in_month).sort("line_item_id").collect(),
        SealedAdjustments: adjusted.filter(in_month, ~pl.col("is_held")),
        HeldAdjustments: adjusted.filter("is_held"),
        SealedInputs: inputs.sort(LineInputs.keys).collect(),
    }
    return _append(settings, facts, decision, {**frames, **marts})


def of_month(legal_entity_id: str, month: date) -> pl.Expr:
    """Whether a row is posted in a month of a legal entity."""
    day = pl.coalesce(pl.col("^(posting_date|date_day)$"))
    return (pl.col("legal_entity_id") == legal_entity_id) & (day.dt.truncate("1mo") == month)


def partitions(run: PublishedRun, in_month: pl.Expr) -> dict[type[Table], pl.DataFrame]:
    """Return what the published marts hold of a month: from now on that is read, and never made again."""
    found: dict[type[Table], pl.DataFrame] = {}
    for partition in PARTITIONS:
        mart = partition.of
        file = run.path / "parquet" / mart.schema_name / f"{mart.table_name}.parquet"
        rows = scan(partition, [file]).filter(in_month).sort(mart.keys).collect()
        if "is_period_closed" in rows.columns:
            rows = rows.with_columns(pl.lit(value=True).alias("is_period_closed"))
        found[partition] = rows
    return found


def _append(
    settings: Settings,
    facts: Mapping[str, Any],
    decision: Decision,
    frames: Mapping[type[Table], pl.DataFrame],
) -> Seal:
    """Write the next entry of the chain, whole and durable in one rename, and note its head beside it."""
    entries = seals.chain(settings)
    number = len(entries) + 1
    settings.seals.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = settings.seals / f"{number:05}"
    with atomic_directory(target) as folder:
        if frames:
            frames = {**frames, SealedPeriods: _period(number, facts, decision, frames[SealedLineItems].height)}
        for table, frame in frames.items():
            write_parquet(table, frame, folder / f"{table.table_name}.parquet")
        files = {
            path.name: {"sha256": sha256_of(path), "bytes": path.stat().st_size} for path in sorted(folder.iterdir())
        }
        content = {
            "format": seals.FORMAT,
            "number": number,
            **{name: value.isoformat() if isinstance(value, date) else value for name, value in facts.items()},
            "reason": decision.reason,
            "requested_by": decision.requested_by,
            "approved_by": decision.approved_by,
            "at": decision.at.isoformat(),
            "previous": head(entries),
            "partitions": dict(_partition_hashes(folder)),
            "files": files,
        }
        (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    seal = Seal(number, target)
    seals.note_head(settings, seal)
    return seal


def _partition_hashes(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Hash the sealed partitions of marts as the published tables are hashed, so that the gate can compare the two."""
    with duckdb.connect(":memory:") as connection:
        for partition in PARTITIONS:
            file = folder / f"{partition.table_name}.parquet"
            if file.exists():
                source = literal(glob.escape(str(file)))
                connection.execute(f"create view {quoted(partition.table_name)} as from read_parquet({source})")
                rows, sha256 = canonical_hash(connection, "main", partition.table_name, partition.keys)
                yield ".".join(place_of(partition.of)), {"rows": rows, "canonical_hash": sha256}


def _facts(event: str, run: PublishedRun, legal_entity_id: str, month: date) -> dict[str, Any]:
    published = run.manifest()
    return {
        "event": event,
        "legal_entity_id": legal_entity_id,
        "month": month,
        "as_of": run.as_of,
        "run_number": run.number,
        "code_hash": published["code_hash"],
        "rule_version": published["rule_version"],
    }


def _period(number: int, facts: Mapping[str, Any], decision: Decision, line_count: int) -> pl.DataFrame:
    values = (
        facts["legal_entity_id"],
        facts["month"],
        number,
        facts["as_of"],
        line_count,
        decision.reason,
        decision.requested_by,
        decision.approved_by,
        decision.at,
    )
    return pl.DataFrame([values], schema=SealedPeriods.schema(), orient="row")


def decide(settings: Settings, action: str, months: Sequence[tuple[str, date]], decision: Decision) -> None:
    """Write the decision down before anything is done: a seal without its decision would be none."""
    for entity, month in months:
        append_action(
            settings,
            action,
            f"{entity}/{month:%Y-%m}",
            reason=decision.reason,
            requested_by=decision.requested_by,
            approved_by=decision.approved_by,
        )


def _open_months(
    settings: Settings, build: Build, through: date, legal_entity_id: str | None
) -> list[tuple[str, date]]:
    """Return the months up to `through` that are open, oldest first per legal entity."""
    posted = build.frame(PostedLineItems).group_by("legal_entity_id").agg(pl.col("posting_date").min()).collect()
    first = {entity: day.replace(day=1) for entity, day in posted.iter_rows()}
    known = {*first, *build.frame(LegalEntities).select("legal_entity_id").collect().to_series()}
    if legal_entity_id is not None and legal_entity_id not in known:
        raise UsageError(
            f"--entity {legal_entity_id}: no legal entity of that name; known: {', '.join(sorted(known))}."
        )
    closed = {(seal.legal_entity_id, seal.month) for seal in seals.in_force(settings, date.max)}
    seen = {(seal.legal_entity_id, seal.month) for seal in build.seals}
    months = [
        (entity, month)
        for entity in sorted(known)
        if legal_entity_id in (None, entity)
        for month in _months(min(first.get(entity, through), through), through)
        if (entity, month) not in closed
    ]
    if reopened := [f"{month:%Y-%m} of {entity}" for entity, month in months if (entity, month) in seen]:
        raise UsageError(
            f"{', '.join(reopened)}: reopened after the served run, which still saw it closed. Run a night first."
        )
    late = [seal.name for seal in seals.chain(settings) if seal.as_of > build.as_of]
    if late:
        raise UsageError(
            f"The served run knows {build.as_of}, {late[-1]} knows more. Run the night of a later date first."
        )
    return months


def _months(first: date, last: date) -> list[date]:
    return pl.date_range(first.replace(day=1), last, "1mo", eager=True).to_list()


def served_run(settings: Settings) -> PublishedRun:
    """Return the run that readers get. Refuses: a home without one."""
    run = published_run(settings)
    if run is None:
        raise UsageError(f"Nothing is published under {settings.published}; run a night first.")
    return run


def _require_whole_chain(settings: Settings) -> None:
    if found := list(seals.broken(settings)):
        raise RatebookError(f"The chain of seals is broken; nothing was done. {found[0]}")
