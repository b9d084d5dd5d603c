"""Whether everything that was expected has arrived: per feed and delivery day, as of a day.

What is expected is a setting; what has arrived is what the snapshots hold. The cut-off of a day is the night that takes
it: no clock, so the answer for a day is the same whenever it is asked.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

import polars as pl

from data_contracts import LandedFiles, UsageEvents
from data_contracts.runs import FeedDays
from orchestration.build import Build
from orchestration.intake.feeds import feeds_of
from orchestration.intake.landing import USAGE
from orchestration.run_log import log
from orchestration.settings import ExpectedFeed

OPEN = ("incomplete", "pending")


@dataclass(frozen=True)
class Arrival:
    """A file as it lies below `landing/<landed_as>/<delivery day>/`, and the night that first saw it."""

    landed_as: str
    day: date
    name: str
    seen_on: date
    status: str
    rows: int
    sources: frozenset[str]


def feed_days(build: Build) -> pl.DataFrame:
    """Return what was expected and what has arrived, per feed and delivery day up to D."""
    expected = build.settings.expected_feeds
    arrivals = list(_arrivals(build)) if expected else []
    feeds = feeds_of(build.settings)
    rows = []
    for name, feed in sorted(expected.items()):
        landed_as = feed.landed_as or name
        dataset = feeds[landed_as].dataset if landed_as in feeds else landed_as
        of_day = defaultdict(list)
        for each in arrivals:
            if each.landed_as == landed_as and fnmatchcase(each.name, feed.files_like):
                of_day[each.day].append(each)
        seen = [each.seen_on for day in of_day.values() for each in day if each.status == "loaded"]
        about = {"feed": name, "if_missing": feed.if_missing, "last_seen_on": max(seen, default=None)}
        for day in _days(feed, build):
            service = _service_days(feed, day) if dataset == USAGE else {}
            rows.append(about | service | _feed_day(feed, day, of_day[day], build.as_of))
    for row in rows:
        row["message"] = _sentence(row, expected[row["feed"]].landed_as or row["feed"])
        del row["lacks"]
    return pl.DataFrame(rows, schema=FeedDays.schema())


def open_or_late(build: Build) -> list[str]:
    """Return, and log, a sentence for each day that is not complete as of D or became so with the night of D, late."""
    days = feed_days(build)
    completed_tonight = (pl.col("status") == "late") & (pl.col("completed_on") == build.as_of)
    told = days.filter(pl.col("status").is_in(OPEN) | completed_tonight).to_dicts()
    for row in told:
        about = {"feed": row["feed"], "delivery_date": str(row["delivery_date"]), "error": row["message"]}
        log.warning("feed came late" if row["status"] == "late" else "feed incomplete", extra=about)
    return [row["message"] for row in told]


def _arrivals(build: Build) -> Iterator[Arrival]:
    sources = _sources(build) if any(feed.sources for feed in build.settings.expected_feeds.values()) else {}
    landed = build.delivered(LandedFiles).select("source_file", "delivery_date", "status", "landed_rows")
    for source_file, seen_on, status, rows in landed.collect().iter_rows():
        landed_as, day, *names = PurePosixPath(source_file).parts
        name = "/".join(names)
        found = sources.get((source_file, seen_on), frozenset())
        yield Arrival(landed_as, date.fromisoformat(day), name, seen_on, status, rows, found)


def _sources(build: Build) -> Mapping[tuple[str, date], frozenset[str]]:
    """Return which sources each usage file has accepted events of."""
    found = build.delivered(UsageEvents).group_by("source_file", "delivery_date").agg(pl.col("source").unique())
    return {(file, day): frozenset(names) for file, day, names in found.collect().iter_rows()}


def _days(feed: ExpectedFeed, build: Build) -> Iterator[date]:
    day = max(feed.since or build.deliveries[0], build.deliveries[0])
    while day <= build.as_of:
        if day.isoweekday() in feed.weekdays and day not in feed.except_on:
            yield day
        day += timedelta(days=1)


def _service_days(feed: ExpectedFeed, day: date) -> dict[str, date]:
    return {"service_from": day - timedelta(days=feed.days_before), "service_to": day + timedelta(days=1)}


def _feed_day(feed: ExpectedFeed, day: date, arrivals: Sequence[Arrival], as_of: date) -> dict[str, Any]:
    loaded = [each for each in arrivals if each.status == "loaded"]
    due = day + timedelta(days=feed.due_days)
    completed_on = next((night for night in _nights(loaded) if not _lacks(feed, _until(loaded, night))), None)
    if completed_on is None and not _lacks(feed, loaded):
        completed_on = day  # nothing of it is expected: it was complete without a file
    if completed_on is not None:
        status = "complete" if completed_on <= due else "late"
    else:
        status = "pending" if due > as_of else "incomplete"
    return {
        "delivery_date": day,
        "due_date": due,
        "status": status,
        "expected_files": feed.files,
        "arrived_files": len(loaded),
        "late_files": sum(each.seen_on > due for each in loaded),
        "refused_files": sum(each.status == "refused" for each in arrivals),
        "expected_rows": feed.rows,
        "arrived_rows": sum(each.rows for each in loaded),
        "missing_sources": ", ".join(sorted(_missing_sources(feed, loaded))) or None,
        "completed_on": completed_on,
        "lacks": _lacks(feed, loaded),
    }


def _nights(loaded: Iterable[Arrival]) -> list[date]:
    return sorted({each.seen_on for each in loaded})


def _until(loaded: Iterable[Arrival], night: date) -> list[Arrival]:
    return [each for each in loaded if each.seen_on <= night]


def _missing_sources(feed: ExpectedFeed, loaded: Iterable[Arrival]) -> frozenset[str]:
    return feed.sources - frozenset().union(*(each.sources for each in loaded))


def _lacks(feed: ExpectedFeed, loaded: Sequence[Arrival]) -> str:
    """Say what is missing; nothing of what is complete."""
    rows = sum(each.rows for each in loaded)
    missing = sorted(_missing_sources(feed, loaded))
    return ", ".join(
        [
            *([f"{len(loaded)} of {feed.files} files"] if len(loaded) < feed.files else []),
            *([f"{rows:,} of {feed.rows:,} rows"] if rows < feed.rows else []),
            *([f"nothing from {', '.join(missing)}"] if missing else []),
        ]
    )


def _sentence(row: Mapping[str, Any], landed_as: str) -> str | None:
    day, due = row["delivery_date"], row["due_date"]
    if row["status"] == "complete":
        return None
    if row["status"] == "late":
        return f"{row['feed']} of {day} was due with the night of {due}, complete with that of {row['completed_on']}."
    seen = f"last seen in the night of {row['last_seen_on']}" if row["last_seen_on"] else "never seen"
    where = f"landing/{landed_as}/{day}/"
    return f"{row['feed']} of {day}, due with the night of {due}: {row['lacks']} in {where}; the feed was {seen}."
