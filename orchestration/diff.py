"""`ratebook diff`: what two published runs say differently, line by line, by cause, account and price."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.errors import UsageError
from orchestration.hashing import literal
from orchestration.publish import PublishedRun, published_run
from orchestration.settings import Settings

# A line is the same line in both runs whatever its version: then another version is the cause, not another line.
LINE = (
    "legal_entity_id, account_id, contract_id, price_id, dimensions, charge_kind, kind, currency, service_date, "
    "posting_date, is_adjustment"
)
DIFFERENCES = f"""
with both_runs as (
    select 'before' as side, {LINE}, price_version_id, quantity, amount from before.marts.fct_line_item
    union all
    select 'after' as side, {LINE}, price_version_id, quantity, amount from after.marts.fct_line_item
), compared as (
    select
        {LINE},
        coalesce(sum(amount) filter (where side = 'before'), 0) as amount_before,
        coalesce(sum(amount) filter (where side = 'after'), 0) as amount_after,
        coalesce(sum(quantity) filter (where side = 'before'), 0) as quantity_before,
        coalesce(sum(quantity) filter (where side = 'after'), 0) as quantity_after,
        count(*) filter (where side = 'before') as lines_before,
        list_sort(list(distinct price_version_id) filter (where side = 'before')) as versions_before,
        list_sort(list(distinct price_version_id) filter (where side = 'after')) as versions_after
    from both_runs
    group by {LINE}
), causes as (
    select {LINE}, string_agg(distinct causes, '+' order by causes) as causes
    from (
        select *, true as is_adjustment from before.audit.aud_adjustment
        union all by name
        select *, true as is_adjustment from after.audit.aud_adjustment
    )
    where not is_held
    group by {LINE}
)
select
    case
        when compared.is_adjustment then coalesce(causes.causes, 'adjustment')
        when lines_before = 0 and compared.service_date > $known then 'later_days'
        when quantity_before <> quantity_after then 'usage'
        when versions_before is distinct from versions_after then 'price'
        else 'rates_or_rules'
    end as cause,
    compared.account_id,
    compared.price_id,
    compared.kind,
    compared.currency,
    amount_before,
    amount_after,
    amount_after - amount_before as difference
from compared
left join causes using ({LINE})
where amount_before <> amount_after
"""
MEASURES = "sum(amount_before) as before, sum(amount_after) as after, sum(difference) as difference"
BY = ("cause", "account_id", "price_id")


@dataclass(frozen=True)
class Differences:
    """What differs between two runs: the same sum three times, by cause, by account and by price."""

    before: PublishedRun
    after: PublishedRun
    totals: Sequence[dict[str, Any]]
    by: dict[str, Sequence[dict[str, Any]]]

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        runs = {"from": self.before.number, "to": self.after.number}
        return runs | {"totals": list(self.totals)} | {f"by_{name}": list(rows) for name, rows in self.by.items()}


def diff(settings: Settings, before: int, after: int) -> Differences:
    """Compare the line items of two published runs.

    Rule:    a line is the same in both whatever its version. Adjustments have the causes of `aud_adjustment`; of open
             months, days that the earlier run could not know are `later_days`, else usage, price version, or the rest.
    Refuses: a run that is not kept.
    """
    earlier, later = _kept(settings, before), _kept(settings, after)
    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"}) as connection:
        for name, run in (("before", earlier), ("after", later)):
            connection.execute(f"attach {literal(str(run.database))} as {name} (read_only)")
        connection.execute(f"create table differences as {DIFFERENCES}", {"known": earlier.as_of})
        totals = _rows(connection, "kind, currency")
        return Differences(earlier, later, totals, {name: _rows(connection, f"{name}, kind, currency") for name in BY})


def _rows(connection: duckdb.DuckDBPyConnection, columns: str) -> Sequence[dict[str, Any]]:
    found = connection.execute(f"select {columns}, {MEASURES} from differences group by {columns} order by {columns}")
    names = [str(column[0]) for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _kept(settings: Settings, number: int) -> PublishedRun:
    run = published_run(settings, number)
    if run is None:
        raise UsageError(f"run {number} is not kept in {settings.published}.")
    return run
