{#- Two ways to the same number, scope by scope. A side is a relation of (scope, filter_sql, amount).

    A scope that one side lacks, and an amount that is null, keep their null here: aud_reconciliation fails both. When
    neither side has a scope there is nothing to compare, and a row says so: a check that vanished would look passed.
    `{filter}` in the drill statement becomes the condition of the scope. -#}
{% macro tie_out(check_name, left, left_name, right, right_name, drill_sql) -%}
select
    '{{ check_name }}' as check_name,
    coalesce(left_side.scope, right_side.scope) as scope,
    '{{ left_name }}' as left_name,
    cast(left_side.amount as decimal(38, 12)) as left_amount,
    '{{ right_name }}' as right_name,
    cast(right_side.amount as decimal(38, 12)) as right_amount,
    replace(
        '{{ drill_sql | replace("'", "''") }}',
        '{filter}',
        coalesce(left_side.filter_sql, right_side.filter_sql)
    ) as drill_sql
from {{ left }} as left_side
full outer join {{ right }} as right_side on left_side.scope = right_side.scope
union all
select
    '{{ check_name }}' as check_name,
    '(nothing)' as scope,
    '{{ left_name }}' as left_name,
    cast(0 as decimal(38, 12)) as left_amount,
    '{{ right_name }}' as right_name,
    cast(0 as decimal(38, 12)) as right_amount,
    replace('{{ drill_sql | replace("'", "''") }}', '{filter}', 'true') as drill_sql
where
    not exists (select 1 from {{ left }})
    and not exists (select 1 from {{ right }})
{%- endmacro %}


{#- The scope of a row: its name, and the condition that finds its rows again. `found_by` leaves columns out of the
    condition that the drilled tables lack. -#}
{% macro scope_by(columns, found_by=none) -%}
    {%- for column in columns -%}
        {{ "|| ' ' || " if not loop.first }}coalesce(cast({{ column }} as varchar), '(null)')
    {%- endfor %} as scope,
    {% for column in found_by or columns -%}
        {{ "|| ' and ' || " if not loop.first }}'{{ column }} is not distinct from ' || {{ sql_literal(column) }}
    {%- endfor %} as filter_sql
{%- endmacro %}


{#- A value as text that SQL reads as that value, whatever quotes it holds. -#}
{% macro sql_literal(column) -%}
    coalesce('''' || replace(cast({{ column }} as varchar), '''', '''''') || '''', 'null')
{%- endmacro %}


{#- sum() skips nulls, so an unknown amount would look like none: here the whole sum is unknown. -#}
{% macro strict_sum(column) -%}
    case when count(*) = count({{ column }}) then sum({{ column }}) end
{%- endmacro %}


{#- The sum of the rows that fit: zero where there is none, unknown as soon as one of them is. -#}
{% macro known_sum(condition, column='amount') -%}
    case
        when count(*) filter (where {{ condition }}) = count({{ column }}) filter (where {{ condition }})
            then cast(coalesce(sum({{ column }}) filter (where {{ condition }}), 0) as decimal(38, 12))
    end
{%- endmacro %}
