{#- What one side of the rows of aud_closed_month comes to; nothing is zero. -#}
{% macro sum_of_side(side) -%}
    cast(coalesce(sum(amounts.amount) filter (where amounts.side = '{{ side }}'), 0) as decimal(38, 4))
{%- endmacro %}
