"""Contract of `account_rows`."""

from data_contracts.vocabulary import Count, Day, Delivery, Flag, Text, column, key


class AccountRows(Delivery):
    """An account as one delivered snapshot describes it.

    Grain: one row per delivery and account. Absence from a later snapshot is never a change. Source:
    orchestration.intake.
    """

    delivery_date: Day = key("The delivery of the snapshot.")
    account_id: Text = key("The account's id, exactly as written.", example="acct_007")
    account_name: Text = column("Name of the account (column `name` of the feed).", example="First customer")
    currency: Text = column("ISO 4217 code that the account is billed in.", pattern="^[A-Z]{3}$", example="USD")
    country: Text = column("ISO 3166 country code.", null_means="not given", example="DE")
    time_zone: Text = column("IANA zone whose days the account is billed by; UTC when not given.", example="UTC")
    parent_account_id: Text = column(
        "Account that pays for this one.", null_means="it pays for itself", example="acct_001"
    )
    legal_entity_id: Text = column(
        "Our legal entity that bills it.", null_means="the company's first one", example="acme_us"
    )
    segment: Text = column("Segment, for reports.", null_means="not given", example="enterprise")
    region: Text = column("Region, for reports.", null_means="not given", example="EMEA")
    is_tax_exempt: Flag = column("Whether no tax is due (column `tax_exempt`).")
    net_terms_days: Count = column("Days until an invoice is due; 30 when not given.", unit="day", at_least=0)
    valid_from: Day = column("First local day for which the row holds; the delivery date when not given.")
    source_file: Text = column("Landing file of the row.", example="usage_events/2026-08-01/usage.csv")
    source_line: Count = column("Line of the record's start in that file.")
