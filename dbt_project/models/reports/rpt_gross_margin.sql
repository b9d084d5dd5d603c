-- grain: date_month, account_id, product_id
{{ margin_report('is_reporting') }}
