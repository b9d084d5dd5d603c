"""What is looked at before a month is closed: each point with its difference and the SQL that shows the rows."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

from orchestration.hashing import literal
from orchestration.publish import PublishedRun

# Until then the month goes on in the last zone, twelve hours behind UTC.
LAST_ZONE = timedelta(hours=12)


@dataclass(frozen=True)
class Check:
    """One point of the list. What does not block is closed over: it becomes an adjustment of the next month."""

    name: str
    found: str
    is_passed: bool
    is_blocking: bool = True
    difference: int | None = None
    drill_sql: str | None = None

    def __str__(self) -> str:
        """Say it in a line or two."""
        mark = "ok" if self.is_passed else "NO" if self.is_blocking else "open"
        drill = f"\n      {self.drill_sql}" if self.drill_sql and not self.is_passed else ""
        return f"  {mark:<4} {self.name}: {self.found}{drill}"


@dataclass(frozen=True)
class Point:
    """Rows of a published table that should not be there."""

    name: str
    table: str
    condition: str
    meaning: str
    is_blocking: bool = False


def checklist(run: PublishedRun, month: date, legal_entity_id: str | None, now: datetime) -> list[Check]:
    """Look at the served run before a month of it is closed."""
    after = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    ended_at = datetime.combine(after, datetime.min.time()) + LAST_ZONE
    period = literal(f"{month:%Y-%m}")
    entity = "true" if legal_entity_id is None else f"legal_entity_id = {literal(legal_entity_id)}"
    of_period = f"accounting_period <= {period} and {entity}"
    points = (
        Point("tie_outs_hold", "audit.aud_reconciliation", "not is_passed", "tie-outs do not hold", is_blocking=True),
        Point(
            "usage_is_complete",
            "marts.fct_line_item",
            f"is_provisional and {of_period}",
            "lines are of days of which usage is still expected",
        ),
        Point(
            "no_adjustment_is_held", "audit.aud_adjustment", f"is_held and {entity}", "adjustments wait for a release"
        ),
        Point("no_rule_drift", "audit.aud_rule_drift", entity, "amounts differ by the code alone"),
        Point("nothing_in_suspense", "audit.aud_suspense", "kind = 'revenue'", "groups of usage cannot be priced yet"),
    )
    known = f"the served run knows everything delivered up to {run.as_of}; needed is {after} or later"
    with duckdb.connect(str(run.database), read_only=True) as connection:
        counted = [_counted(connection, point) for point in points]
    return [
        Check("month_has_ended", f"it ends everywhere at {ended_at:%Y-%m-%d %H:%M} UTC", is_passed=now >= ended_at),
        Check("end_is_known", known, is_passed=run.as_of >= after),
        *counted,
    ]


def _counted(connection: duckdb.DuckDBPyConnection, point: Point) -> Check:
    row = connection.execute(f"select count(*) from {point.table} where {point.condition}").fetchone()
    rows = int(row[0]) if row else 0
    drill = f"select * from {point.table} where {point.condition}"
    said = f"{rows:,} {point.meaning}"
    return Check(point.name, said, is_passed=rows == 0, is_blocking=point.is_blocking, difference=rows, drill_sql=drill)
