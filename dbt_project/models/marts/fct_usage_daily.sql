-- grain: account_id, contract_id, meter, dimensions, value_currency, service_date
with

usage_days as (
    select * from {{ ref('stg_usage_days') }}
),

priced_usage as (
    select * from {{ ref('stg_priced_usage') }}
),

meters as (
    select * from {{ ref('stg_meters') }}
),

-- Distinct, because additive prices rate the same usage twice, and it is still used once.
billable_cells as (
    select distinct
        account_id,
        stated_contract_id,
        meter,
        dimensions,
        value_currency,
        service_date,
        slot_at,
        true as is_billable
    from priced_usage
    where kind = 'revenue' and outcome = 'rated'
),

cells as (
    select
        usage_days.account_id,
        coalesce(usage_days.contract_id, 'unresolved') as contract_id,
        usage_days.meter,
        usage_days.dimensions,
        usage_days.value_currency,
        usage_days.service_date,
        usage_days.quantity,
        case
            when billable_cells.is_billable then usage_days.quantity
            else cast(0 as decimal(38, 12))
        end as billable_quantity,
        usage_days.event_count,
        usage_days.reversed_count,
        usage_days.reversal_count,
        usage_days.late_event_count,
        usage_days.duplicate_count
    from usage_days
    left join billable_cells
        on
            usage_days.account_id = billable_cells.account_id
            and usage_days.stated_contract_id = billable_cells.stated_contract_id
            and usage_days.meter = billable_cells.meter
            and usage_days.dimensions = billable_cells.dimensions
            and usage_days.value_currency = billable_cells.value_currency
            and usage_days.service_date = billable_cells.service_date
            and usage_days.slot_at = billable_cells.slot_at
)

select
    cells.account_id,
    cells.contract_id,
    cells.meter,
    cells.dimensions,
    cells.value_currency,
    cells.service_date,
    meters.unit,
    sum(cells.quantity) as quantity,
    sum(cells.billable_quantity) as billable_quantity,
    cast(sum(cells.event_count) as bigint) as event_count,
    cast(sum(cells.reversed_count) as bigint) as reversed_count,
    cast(sum(cells.reversal_count) as bigint) as reversal_count,
    cast(sum(cells.late_event_count) as bigint) as late_event_count,
    cast(sum(cells.duplicate_count) as bigint) as deduplicated_count
from cells
left join meters on cells.meter = meters.meter
group by
    cells.account_id,
    cells.contract_id,
    cells.meter,
    cells.dimensions,
    cells.value_currency,
    cells.service_date,
    meters.unit
