"""Restate a closed month: let what the code alone changes of it be posted, by a decision of two people."""

from datetime import date
from typing import Any

import duckdb

from orchestration.close import Decision, decide, served_run
from orchestration.lock import run_lock
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
        run = served_run(settings)
        with duckdb.connect(str(run.database), read_only=True) as connection:
            found = connection.execute(DRIFT, [month, legal_entity_id])
            names = [str(column[0]) for column in found.description or []]
            rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        if not dry_run:
            entities = sorted({row["legal_entity_id"] for row in rows})
            decide(settings, RESTATE, [(entity, month) for entity in entities], decision)
    return rows
