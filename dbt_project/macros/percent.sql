{#- The one ratio: a share of a whole in per cent, two decimals, half away from zero; null without a whole above zero.

    Division of decimals is binary floating point in DuckDB, so it is done in whole units of the twelfth decimal, which
    the text of a decimal gives without overflow. -#}
{% macro percent(part, whole) -%}
    case
        when {{ whole }} > 0
            then
                cast(
                    cast(
                        sign({{ part }})
                        * (
                            (2 * 10000 * abs({{ in_units(part) }}) + {{ in_units(whole) }})
                            // (2 * {{ in_units(whole) }})
                        ) as decimal(38, 0)
                    ) * cast(0.01 as decimal(3, 2)) as decimal(38, 2)
                )
    end
{%- endmacro %}


{% macro in_units(amount) -%}
    cast(replace(cast(cast({{ amount }} as decimal(38, 12)) as varchar), '.', '') as hugeint)
{%- endmacro %}
