{#- A decimal as text without trailing zeros: 0.000030000000 reads 0.00003, 100.00 reads 100. -#}
{% macro plain_decimal(column) -%}
    rtrim(rtrim(cast({{ column }} as varchar), '0'), '.')
{%- endmacro %}
