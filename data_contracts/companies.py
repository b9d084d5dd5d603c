"""Contract of `companies`."""

from data_contracts.vocabulary import Count, Day, Table, Text, column, key


class Companies(Table):
    """The company of the price book. Grain: one row. Source: orchestration.book."""

    company_name: Text = key("Name of the company.", example="Acme")
    time_zone: Text = column("IANA zone of the company's own days.", example="Europe/Berlin")
    reporting_currency: Text = column("ISO 4217 code that reports are read in.", pattern="^[A-Z]{3}$", example="USD")
    fx_rate_type: Text = column("Which exchange rate of a day is used.", example="reference")
    fx_max_age_days: Count = column("How old the last known exchange rate may be.", unit="day", at_least=0, example="5")
    default_plan_id: Text = column("Plan of accounts without a contract.", null_means="there is none", example="payg")
    default_legal_entity_id: Text = column(
        "Legal entity of accounts that name none: the first one of the book.", example="acme_us"
    )
    issues_from: Day = column(
        "First day on which documents are issued by rule.", null_means="only by `ratebook issue`", example="2026-11-01"
    )
    grace_days: Count = column(
        "Days after the end of a billing period until it is billed, where the contract does not say.",
        unit="day",
        at_least=0,
        example="0",
    )
    billing_starts_on: Day = column(
        "First day for which an active price has a line without usage: the first of the month of the first delivery. "
        "Usage before it is rated all the same."
    )
