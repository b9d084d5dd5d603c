-- grain: legal_entity_id, accounting_period
with

line_items as (
    select * from {{ ref('fct_line_item') }}
),

closed_months as (
    select * from {{ ref('stg_sealed_periods') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

run as (
    select * from {{ ref('meta_run') }}
),

legal_entities as (
    select distinct legal_entity_id from line_items
    union
    select distinct legal_entity_id from closed_months
),

first_months as (
    select min(date_trunc('month', posting_date)) as first_month from line_items
),

months as (
    select distinct
        dates.date_month,
        dates.accounting_period
    from dates
    cross join run
    cross join first_months
    where dates.date_month between first_months.first_month and run.as_of_date
)

select
    legal_entities.legal_entity_id,
    months.accounting_period,
    months.date_month,
    closed_months.seal_number is not null as is_period_closed,
    closed_months.locked_at,
    closed_months.seal_number,
    closed_months.sealed_as_of as sealed_as_of_date,
    closed_months.line_count,
    closed_months.requested_by as closed_by,
    closed_months.approved_by,
    closed_months.reason
from legal_entities
cross join months
left join closed_months
    on
        legal_entities.legal_entity_id = closed_months.legal_entity_id
        and months.date_month = closed_months.accounting_month
