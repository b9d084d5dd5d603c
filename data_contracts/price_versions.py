"""Contract of `price_versions`."""

from data_contracts.vocabulary import Count, Day, Flag, Instant, Quantity, Table, Text, UnitPrice, column, key

MODELS = (
    "flat",
    "per_unit",
    "graduated",
    "graduated_percentage",
    "volume",
    "package",
    "percentage",
    "matrix",
    "rate_curve",
    "unit_fee",
    "dynamic",
)


class PriceVersions(Table):
    """The terms of a price from some moment on, in one currency. Never edited; a correction supersedes.

    Grain: one row per price version and currency, superseded ones included. Overrides of contracts are versions of
    their own, named `<contract>/<price>@<from>`. Source: orchestration.book.
    """

    price_version_id: Text = key(
        "`<price>@<effective_from>`; `#n` behind it for the n-th correction.", example="api_requests@2026-08-01"
    )
    currency: Text = key("ISO 4217 code of every amount of the row.", example="USD")
    price_id: Text = column("Id of the price.", example="api_requests")
    contract_id: Text = column(
        "Contract whose override this is.", null_means="it is the list price", example="contract_001"
    )
    price_name: Text = column("Name of the price for people; its id where the book gives none.", example="API requests")
    fee_category: Text = column(
        "Heading of the price in reports of fees.", null_means="it is no fee that they list", example="Network"
    )
    passes_through: Text = column(
        "Cost price whose cost it bills on.", null_means="it is a price of our own", example="interchange_cost"
    )
    product_id: Text = column("Product that the price sells.", example="api")
    meter: Text = column("Meter that the price rates; empty for a price of time.", example="api_requests")
    model: Text = column("Charge model.", one_of=MODELS)
    kind: Text = column("What the price makes.", one_of=("revenue", "cost"))
    is_additive: Flag = column("Whether it may apply beside another revenue price of the same usage.")
    is_converted: Flag = column("Whether its amounts are converted for contracts in other currencies.")
    conditions: Text = column("Canonical JSON of `where`: the dimensions that usage must have.", example="{}")
    effective_from_date: Day = column(
        "Local day of the account on which it starts.", null_means="it starts at an instant"
    )
    effective_from_at: Instant = column("Instant at which it starts, UTC.", null_means="it starts with a local day")
    recorded_on: Day = column("Delivery that first brought the version.")
    superseded_on: Day = column("Delivery of its correction.", null_means="the version stands")
    superseded_by: Text = column(
        "`price_version_id` of its correction.", null_means="the version stands", example="api_requests@2026-08-01#1"
    )
    reason: Text = column(
        "Why it corrects another.", null_means="it corrects none", example="The order form says 0.012."
    )
    approved_by: Text = column("Who approved the correction.", null_means="it corrects none", example="maria")
    terms_id: Text = column(
        "The earliest version of the price with equal terms: equal terms, one invoice line.",
        example="api_requests@2026-08-01",
    )
    counter_version_id: Text = column(
        "Version with whose counter it goes on (`on_price_change: continue`).",
        null_means="a counter begins with the version itself",
        example="api_requests@2026-08-01",
    )
    due_interval: Text = column(
        "How often a flat price is due.",
        null_means="once per billing period",
        one_of=("day", "week", "month", "quarter", "year"),
    )
    tier_period: Text = column("What a counter spans.", one_of=("billing", "month", "quarter", "year", "term"))
    pool: Text = column("Whose usage one counter counts.", one_of=("account", "payer"))
    shares_tiers: Flag = column("Whether its groups are rated as one sum, which is allocated to them.")
    rounding: Text = column("Rounding mode.", one_of=("half_up", "half_even", "down", "up"))
    round_at: Text = column("What is rounded once.", one_of=("period", "event"))
    unit_amount: UnitPrice = column(
        "Unit price of a per_unit price, per one unit.", null_means="the model has tiers or a rate", unit="currency"
    )
    rate: UnitPrice = column("Share of the value.", null_means="the model has no rate", unit="share")
    fixed_amount: UnitPrice = column("Fixed fee per event.", null_means="the model has no rate", unit="currency")
    minimum_fee: UnitPrice = column("Least fee of a paying event.", null_means="none", unit="currency")
    maximum_fee: UnitPrice = column("Highest fee of a paying event.", null_means="none", unit="currency")
    free_events: Count = column("Events of a billing period that are free.", null_means="none", unit="event")
    free_amount: Quantity = column("Value of a billing period that is free.", null_means="none", unit="currency")
    free_rule: Text = column("When the free phase ends.", one_of=("first_exhausted", "both_exhausted"))
    free_units: Quantity = column(
        "Units of each counter and billing period that are free.", null_means="none", unit="unit of the meter"
    )
    quantity_factor: Quantity = column(
        "What a quantity is multiplied by before anything else.",
        null_means="the quantity is priced as it is",
        unit="factor",
    )
    quantity_divisor: Quantity = column(
        "What it is then divided by, to whole units.",
        null_means="the quantity is not rounded; a divisor is part of the terms then",
        unit="unit of the meter, times the factor",
    )
    quantity_round: Text = column(
        "How it is rounded to whole units, with its sign.",
        null_means="the quantity is not rounded",
        one_of=("up", "down", "half_up"),
    )
    flat_on_zero: Text = column("Whether a flat amount is due for nothing.", one_of=("charge", "none"))
    minimum_amount: UnitPrice = column(
        "Least amount of a whole billing period, over all groups.", null_means="none", unit="currency"
    )
    maximum_amount: UnitPrice = column(
        "Highest amount of a billing period, over all groups.", null_means="none", unit="currency"
    )
    quantity_limit: Quantity = column(
        "Largest cumulative quantity (value for percentage, amount for dynamic) that can be priced below 10^13.",
        unit="unit of the meter",
    )
    group_limit: Count = column(
        "Number of groups whose flat amounts stay below 10^13.", null_means="the price has no groups", unit="group"
    )
    document: Text = column("Where it stands: path and line.", example="llm.yaml:41")
