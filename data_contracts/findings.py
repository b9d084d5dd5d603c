"""Contract of `findings`."""

from data_contracts.vocabulary import AmountSum, Count, Day, Table, Text, column, key

RULES = ("no_reporting_rate", "reporting_amount_bound", "rate_corrected", "no_exchange_rate")


class Findings(Table):
    """Something that a reader of the amounts has to know: what is unknown in them, and what has changed under them.

    Nothing here holds the night: the amounts stand as they are, null where they are unknown.

    Grain: one row per rule, subject, currency and first date. Source: transforms.findings.
    """

    rule: Text = key("What is the matter.", one_of=RULES)
    subject: Text = key("What it is about.", example="JPY in USD")
    currency: Text = key("ISO 4217 code of the lines that it touches.", example="JPY")
    first_date: Day = key("First posting date of them; of a corrected rate its own day.", example="2026-08-08")
    last_date: Day = column("Last posting date of them.", example="2026-08-31")
    line_count: Count = column(
        "Lines that it touches, or that are missing for it.", unit="line item", at_least=1, example="12"
    )
    amount: AmountSum = column(
        "Sum of their amounts.", null_means="the lines are missing", unit="currency", example="1250.00"
    )
    detail: Text = column(
        "What was found.", example="no rate at most 5 days old; the last rate date of JPY is 2026-08-01"
    )
    remedy: Text = column("What to do about it.", example="Deliver the rates of these days.")
