"""Restate a closed month: let what the code alone changes of it be posted, by a decision of two people."""

from datetime import date
from typing import Any

import duckdb

from orchestration.actions import append_action
from orchestration.close import Decision
from orchestration.errors import UsageError
from orchestration.lock import run_lock
from orchestration.publish import published_run
from orchestration.settings import Settings

RESTATE = "restate"
DRIFT = """
    select legal_entity_id, currency, kind, sum(drift_amount) as drift_amount
    from audit.aud_rule_drift
    where service_month = ? and legal_entity_id = coalesce(?, legal_entity_id)
    group by all order by all
"""


def restate(
    settings: Settings, month: date, decision: Decision, *, legal_entity_id: str | None = None, dry_run: bool = False
) -> list[dict[str, Any]]:
    """Decide that the drift of a month is posted, and return it; the next night is the first that does it.

    Refuses: a home without a published run. A month without drift needs no decision: nothing is written then.
    """
    with run_lock(settings):
        run = published_run(settings)
        if run is None:
            raise UsageError(f"Nothing is published under {settings.published}; run a night first.")
        with duckdb.connect(str(run.database), read_only=True) as connection:
            found = connection.execute(DRIFT, [month, legal_entity_id])
            names = [str(column[0]) for column in found.description or []]
            rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        for entity in sorted({row["legal_entity_id"] for row in rows}) if not dry_run else ():
            append_action(
                settings,
                RESTATE,
                f"{entity}/{month:%Y-%m}",
                reason=decision.reason,
                requested_by=decision.requested_by,
                approved_by=decision.approved_by,
            )
    return rows
