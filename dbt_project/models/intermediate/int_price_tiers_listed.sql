-- grain: price_version_id, currency
-- The tiers of a version as one JSON text, decimals quoted: to_json() would write them as floats.
with

price_tiers as (
    select * from {{ ref('stg_price_tiers') }}
),

spelled as (
    select
        price_version_id,
        currency,
        tier,
        '{"flat_amount":"' || {{ plain_decimal('flat_amount') }}
        -- A package is shown with its size, its free units and how it is rounded.
        || coalesce(
            '","package_free":"' || {{ plain_decimal('"offset"') }}
            || '","package_round":"' || package_round
            || '","package_size":"' || {{ plain_decimal('package_size') }},
            ''
        )
        || '","tier":' || tier
        || ',"unit_amount":"' || {{ plain_decimal('unit_amount') }}
        || '","up_to":' || coalesce('"' || {{ plain_decimal('up_to') }} || '"', 'null') || '}' as tier_json
    from price_tiers
)

select
    price_version_id,
    currency,
    '[' || string_agg(tier_json, ',' order by tier) || ']' as tiers
from spelled
group by price_version_id, currency
