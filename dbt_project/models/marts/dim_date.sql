-- grain: date_day
-- Whole years, from the first that usage or a delivery touches to the one after the run: invoices fall due in it.
with

run as (
    select * from {{ ref('stg_run') }}
),

usage_days as (
    select * from {{ ref('stg_usage_days') }}
),

first_days as (
    select first_delivery_date as date_day from run
    union all
    select service_date as date_day from usage_days
),

bounds as (
    select
        date_trunc('year', min(first_days.date_day)) as first_day,
        date_trunc('year', max(run.as_of_date)) + interval 2 year - interval 1 day as last_day
    from first_days
    cross join run
),

days as (
    select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as date_day
    from bounds
)

select
    date_day,
    cast(date_trunc('month', date_day) as date) as date_month,
    cast(date_trunc('quarter', date_day) as date) as date_quarter,
    cast(date_trunc('year', date_day) as date) as date_year,
    strftime(date_day, '%Y-%m') as accounting_period,
    strftime(date_day, '%B') as month_name,
    isodow(date_day) as day_of_week,
    isodow(date_day) >= 6 as is_weekend,
    date_day = last_day(date_day) as is_month_end
from days
