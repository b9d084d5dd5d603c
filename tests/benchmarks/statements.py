"""What a person would write in one DuckDB statement: the bare scan, the rating of the month, the fees of payments.

The tables that stand before usage (which contract when, which version when, tiers) are given ready-made, in favour of
the statements. Decimals are exact: quantities have 6 places here and unit amounts 12, so products have 18.
"""

BARE_SCAN = """
select count(*) as groups, sum(events) as events, sum(quantity) as quantity, sum(id_bytes) as id_bytes
from (
    select account_id, meter, model, region, tier, occurred_at::date as day,
        count(*) as events, sum(quantity) as quantity, sum(strlen(event_id)) as id_bytes
    from read_parquet('{usage}')
    group by all
)
"""

RATED_MONTH = """
copy (
    with events as (
        -- A repetition has the content of the event, so any of them will do.
        select event_id, any_value(account_id) as account_id, any_value(meter) as meter,
            any_value(occurred_at) as occurred_at, any_value(quantity) as quantity, any_value(tier) as tier
        from read_parquet('{usage}')
        group by event_id
    ),
    contracts as (
        select account_id, contract_id, plan_id, currency, time_zone, rate_set_id
        from read_parquet('{reference}/account_contracts.parquet')
        qualify row_number() over (partition by account_id order by is_default) = 1
    ),
    rates as (
        select * from read_parquet('{reference}/rates.parquet') where is_sold
    ),
    priced as (
        select contracts.contract_id, rates.price_id, rates.price_version_id, rates.valid_from_at, rates.currency,
            timezone(contracts.time_zone, events.occurred_at)::date as service_date,
            sum(events.quantity)::decimal(20, 6) as quantity
        from events
        join contracts using (account_id)
        join rates on rates.rate_set_id = contracts.rate_set_id and rates.meter = events.meter
            and rates.conditions in ('{{}}', '{{"tier":"' || events.tier || '"}}')
            and timezone('UTC', events.occurred_at) >= rates.valid_from_at
            and timezone('UTC', events.occurred_at) < rates.valid_to_at
        group by all
    ),
    unused as (
        select contracts.contract_id, rates.price_id, rates.price_version_id, rates.valid_from_at, rates.currency,
            date '{first_day}' as service_date, 0::decimal(20, 6) as quantity
        from contracts
        join rates on rates.rate_set_id = contracts.rate_set_id
            and rates.valid_from_at < timestamp '{first_day}' and rates.valid_to_at > timestamp '{first_day}'
        anti join (
            select contract_id, price_id from priced
            where service_date >= date '{first_day}' and service_date < date '{end_day}'
        ) as used on used.contract_id = contracts.contract_id and used.price_id = rates.price_id
    ),
    counted as (
        select *, date_trunc('month', service_date) as month,
            sum(quantity) over (
                partition by contract_id, price_id, price_version_id, date_trunc('month', service_date)
                order by service_date
            ) as through
        from (select * from priced union all by name select * from unused)
    ),
    totals as (
        select counted.*,
            (tiers.base_amount + ((through - tiers."offset")::decimal(20, 6) * tiers.unit_amount::decimal(18, 12)))
            ::decimal(38, 24) as total
        from counted
        join read_parquet('{reference}/price_tiers.parquet') as tiers
            on tiers.price_version_id = counted.price_version_id and tiers.currency = counted.currency
            and through > tiers.lower_bound and (tiers.up_to is null or through <= tiers.up_to)
    ),
    exact as (
        select *, total - coalesce(lag(total) over (
            partition by contract_id, price_id, price_version_id, month order by service_date
        ), 0) as amount_exact
        from totals
    ),
    running as (
        select *, sum(amount_exact) over (
            partition by contract_id, price_id, month order by service_date, valid_from_at
        ) as exact_through
        from exact
    ),
    booked as (
        -- Each branch is cast: CASE would give all of them the scale of the first.
        select *, case currency
            when 'JPY' then round(exact_through, 0)::decimal(18, 4)
            when 'KWD' then round(exact_through, 3)::decimal(18, 4)
            else round(exact_through, 2)::decimal(18, 4) end as booked
        from running
    )
    select contract_id, price_id, price_version_id, service_date, currency, quantity, amount_exact,
        booked - coalesce(lag(booked) over (
            partition by contract_id, price_id, month order by service_date, valid_from_at
        ), 0) as amount
    from booked
) to '{output}' (format parquet, compression zstd, compression_level 1)
"""

FEES = """
copy (
    with contracts as (
        select account_id, contract_id, time_zone, rate_set_id
        from read_parquet('{reference}/account_contracts.parquet')
        qualify row_number() over (partition by account_id order by is_default) = 1
    ),
    terms as (
        select rates.*, versions.rate::decimal(18, 6) as share, versions.fixed_amount::decimal(18, 6) as fixed_amount,
            versions.minimum_fee::decimal(18, 6) as minimum_fee, versions.maximum_fee::decimal(18, 6) as maximum_fee
        from read_parquet('{reference}/rates.parquet') as rates
        join read_parquet('{reference}/price_versions.parquet') as versions using (price_version_id, currency)
        where rates.is_sold
    ),
    -- Materialized: left to itself the engine joins events and terms by card alone first, a thousand rows for each.
    offers as materialized (
        select contracts.account_id, contracts.contract_id, contracts.time_zone, terms.*
        from contracts join terms on terms.rate_set_id = contracts.rate_set_id
    ),
    fees as (
        select events.source, events.event_id, offers.price_id, events.account_id, offers.contract_id,
            offers.price_version_id, offers.list_price_version_id, offers.conditions as line_dimensions,
            timezone(offers.time_zone, timezone('UTC', events.occurred_at))::date as service_date,
            events.occurred_at, events.amount as quantity,
            (events.amount::decimal(18, 3) * offers.share + offers.fixed_amount)::decimal(38, 24) as fee,
            offers.minimum_fee, offers.maximum_fee, offers.currency, events.delivery_date, events.source_file,
            events.source_line
        from read_parquet('{usage}') as events
        join offers on offers.account_id = events.account_id and offers.meter = events.meter
            and offers.conditions = events.dimensions
            and events.occurred_at >= offers.valid_from_at and events.occurred_at < offers.valid_to_at
    ),
    exact as (
        select * exclude (fee, minimum_fee, maximum_fee),
            least(greatest(fee, coalesce(minimum_fee, fee)), coalesce(maximum_fee, greatest(fee, minimum_fee)))
            ::decimal(38, 24) as amount_exact
        from fees
    )
    select *, case currency
        when 'JPY' then round(amount_exact, 0)::decimal(18, 4)
        when 'KWD' then round(amount_exact, 3)::decimal(18, 4)
        else round(amount_exact, 2)::decimal(18, 4) end as amount
    from exact
) to '{output}' (format parquet, compression zstd, compression_level 1)
"""

TOTALS = """
select currency, count(*), sum(quantity)::decimal(38, 12), sum(amount_exact)::decimal(38, 24),
    sum(amount)::decimal(38, 4)
from read_parquet('{output}')
group by currency
order by currency
"""
