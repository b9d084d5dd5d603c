-- grain: date_month, account_id, product_id, currency
{{ margin_report('not is_reporting') }}
