"""What waits for a person: documents that are parked, adjustments that are held; and the word that lets one go."""

from collections.abc import Sequence
from typing import Any

from orchestration.actions import Action, append_action
from orchestration.errors import UsageError
from orchestration.reader import run_sql
from orchestration.settings import Settings
from transforms.billing_documents import NO_REPORTING_RATE

RELEASE = "release"
COLUMNS = ("id", "rule", "age_days", "amount", "currency", "owner")
# What can be rated of a parked document is its estimate; usage behind it stands in audit.aud_suspense. Who can help
# depends on the rule: rates are finance's, quantities and prices are pricing's.
PARKED = """
    with documents as (
        select invoice_id as document_id, parked_rule, invoice_date as due_on, total_amount as amount, currency
        from marts.fct_invoice
        -- Nothing is owed in any currency: there is nothing to wait for.
        where status = 'parked' and (total_amount <> 0 or parked_rule <> 'no_reporting_rate')
        union all
        select credit_note_id, parked_rule, credit_note_date, amount, currency
        from marts.fct_credit_note where status = 'parked'
    )
    select 'parked/' || document_id, parked_rule, as_of_date - due_on, amount, currency,
        case when parked_rule in ('no_reporting_rate', 'no_exchange_rate') then 'finance' else 'pricing' end
    from documents cross join meta.run order by all
"""
HELD = """
    with named as (
        select unnest(string_split(held_as, ', ')) as name, service_month, amount, currency
        from audit.aud_adjustment where is_held
    )
    select name, 'adjustment_bound', as_of_date - last_day(min(service_month)), sum(amount), currency, 'finance'
    from named cross join meta.run group by name, currency, as_of_date order by all
"""


def parked(settings: Settings) -> Sequence[Sequence[Any]]:
    """Return the documents that are due and may not go out, with days since they are due, value and owner."""
    return run_sql(settings, PARKED, max_rows=None).rows


def held(settings: Settings) -> Sequence[Sequence[Any]]:
    """Return the bounds that hold adjustments of closed months, with days since the month, value and owner."""
    return run_sql(settings, HELD, max_rows=None).rows


def release(settings: Settings, name: str, *, reason: str, requested_by: str, approved_by: str) -> Action:
    """Let go what waits under a name; the next night is the first that does.

    Refuses: a name under which nothing waits in the published run; a document that has no amount to book.
    """
    waiting = {row[0]: row[1] for row in (*parked(settings), *held(settings))}
    if name not in waiting:
        raise UsageError(f"Nothing waits as {name}; `ratebook parked` and `ratebook held` list what does.")
    if waiting[name] == NO_REPORTING_RATE:
        raise UsageError(
            f"{name} waits for an exchange rate, and a release cannot replace it: without it there is no amount in "
            "the reporting currency to book. Deliver the rate; the next night then lets the document go by itself."
        )
    return append_action(settings, RELEASE, name, reason=reason, requested_by=requested_by, approved_by=approved_by)
