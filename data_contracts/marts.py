"""Contracts of the published tables: what dbt makes and readers see. One class per table, in reading order.

A column that comes from another table is taken over with its description, `segment: Text = same(Accounts.segment)`, so
that every sentence stands once.
"""

from typing import ClassVar

from data_contracts.account_contracts import AccountContracts
from data_contracts.accounts import Accounts
from data_contracts.actions import Actions
from data_contracts.adjustments import Adjustments
from data_contracts.billing_document_lines import BillingDocumentLines
from data_contracts.billing_documents import BillingDocuments
from data_contracts.companies import Companies
from data_contracts.contracts import Contracts
from data_contracts.corrections import Corrections
from data_contracts.cost_rows import CostRows
from data_contracts.cost_shares import ALLOCATION_METHODS, CostShares
from data_contracts.costs import Costs
from data_contracts.currencies import Currencies
from data_contracts.exchange_rates import ExchangeRates
from data_contracts.findings import Findings
from data_contracts.fx_rates import FxRates
from data_contracts.landed_files import LandedFiles
from data_contracts.line_items import LineItems
from data_contracts.meters import Meters
from data_contracts.price_versions import PriceVersions
from data_contracts.products import Products
from data_contracts.rejected_rows import RejectedRows
from data_contracts.reversals import Reversals
from data_contracts.runs import ContractColumns, FeedDays, Renamed, Run, RunLog, RunTables
from data_contracts.sealed_periods import SealedPeriods
from data_contracts.usage_days import UsageDays
from data_contracts.usage_events import UsageEvents
from data_contracts.usage_outcomes import UsageOutcomes
from data_contracts.vocabulary import (
    Amount,
    AmountSum,
    Count,
    Day,
    ExactAmount,
    ExchangeRate,
    Flag,
    Instant,
    Kind,
    Percent,
    ProviderCost,
    ProviderQuantity,
    Quantity,
    Text,
    UnitPrice,
    column,
    key,
    same,
    same_key,
)

OPEN = "the month is open"
UNRESOLVED = "unresolved"  # contract_id of usage that no contract covers: a key is never null


class Mart(Renamed):
    """Base of every published table: `schema_name` says in which schema readers find it."""

    table_kind = Kind.MART
    schema_name: ClassVar[str]

    def __init_subclass__(cls, *, schema: str, name: str | None = None) -> None:
        """Take the schema, and the table's name where the class cannot carry it (`meta.run`)."""
        super().__init_subclass__(name=name)
        cls.schema_name = schema


# --- marts: dimensions -----------------------------------------------------------------------------------------------


class DimAccount(Mart, schema="marts"):
    """An account as it was from some local day on, with its payer. Join a fact on `account_id` and its day.

    Grain: one row per account and `valid_from`; intervals half-open and gapless.
    """

    account_id: Text = same_key(Accounts.account_id)
    valid_from: Day = same_key(Accounts.valid_from)
    valid_to: Day = same(Accounts.valid_to)
    is_current: Flag = column("Whether it is the state in force on the run's delivery date.")
    account_name: Text = same(Accounts.account_name)
    currency: Text = same(Accounts.currency)
    country: Text = same(Accounts.country)
    time_zone: Text = same(Accounts.time_zone)
    parent_account_id: Text = same(Accounts.parent_account_id)
    payer_id: Text = same(Accounts.payer_id)
    legal_entity_id: Text = same(Accounts.legal_entity_id)
    segment: Text = same(Accounts.segment)
    region: Text = same(Accounts.region)
    is_tax_exempt: Flag = same(Accounts.is_tax_exempt)
    collection_terms_days: Count = same(Accounts.net_terms_days)
    recorded_on: Day = same(Accounts.recorded_on)


class DimContract(Mart, schema="marts"):
    """A contract as it stood from some local day on: signed ones, and the default plan of every account.

    Grain: one row per contract and `valid_from`; intervals half-open. It covers a day when both intervals do.
    """

    contract_id: Text = same_key(AccountContracts.contract_id)
    valid_from: Day = key("First local day of this state (in).")
    valid_to: Day = column("First local day of the next state (out); FOREVER when it is the last.")
    is_current: Flag = column("Whether it is the state in force on the run's delivery date.")
    account_id: Text = same(Contracts.account_id)
    plan_id: Text = same(Contracts.plan_id)
    currency: Text = same(Contracts.currency)
    is_default: Flag = same(AccountContracts.is_default)
    has_overrides: Flag = same(Contracts.has_overrides)
    starts_on: Day = same(Contracts.starts_on)
    ends_on: Day = same(Contracts.ends_on)
    billing_interval: Text = same(Contracts.billing_interval)
    billing_anchor: Count = same(Contracts.billing_anchor)
    billing_anchor_date: Day = same(Contracts.billing_anchor_date)
    grace_days: Count = same(Contracts.grace_days)
    document: Text = column(
        "Where it stands: path and line.", null_means="the default plan is no document", example="llm.yaml:41"
    )


class DimProduct(Mart, schema="marts"):
    """Something that is sold. Products are undated, so there is no validity to join on.

    Grain: one row per product.
    """

    product_id: Text = same_key(Products.product_id)
    product_name: Text = same(Products.product_name)
    revenue_account: Text = same(Products.revenue_account)
    cost_basis: Text = same(Products.cost_basis)


OF_TIME = "it is a price of time"


class DimPrice(Mart, schema="marts"):
    """The terms of a price from some moment on, in one currency; superseded versions stay visible.

    Grain: one row per price version and currency. Overrides of contracts are rows of their own.
    """

    price_version_id: Text = same_key(PriceVersions.price_version_id)
    currency: Text = same_key(PriceVersions.currency)
    price_id: Text = same(PriceVersions.price_id)
    contract_id: Text = same(PriceVersions.contract_id)
    product_id: Text = same(PriceVersions.product_id)
    meter: Text = same(PriceVersions.meter, null_means=OF_TIME)
    unit: Text = same(Meters.unit, null_means=OF_TIME)
    model: Text = same(PriceVersions.model)
    kind: Text = same(PriceVersions.kind)
    conditions: Text = same(PriceVersions.conditions)
    terms_id: Text = same(PriceVersions.terms_id)
    unit_amount: UnitPrice = same(PriceVersions.unit_amount)
    tiers: Text = column(
        "Canonical JSON array of the tiers, packages among them; decimals are text, without trailing zeros.",
        null_means="the model has no tiers",
        example='[{"flat_amount":"0","tier":1,"unit_amount":"0.00003","up_to":null}]',
    )
    cells: Text = column(
        "Canonical JSON object of the unit prices by matrix cell (`default` is every other combination), or by the "
        "local time from which a rate curve has them.",
        null_means="the model is neither",
        example='{"default":"0.10"}',
    )
    price_name: Text = same(PriceVersions.price_name)
    fee_category: Text = same(PriceVersions.fee_category)
    passes_through: Text = same(PriceVersions.passes_through)
    rate: UnitPrice = same(PriceVersions.rate)
    fixed_amount: UnitPrice = same(PriceVersions.fixed_amount)
    minimum_fee: UnitPrice = same(PriceVersions.minimum_fee)
    maximum_fee: UnitPrice = same(PriceVersions.maximum_fee)
    free_units: Quantity = same(PriceVersions.free_units)
    quantity_factor: Quantity = same(PriceVersions.quantity_factor)
    quantity_divisor: Quantity = same(PriceVersions.quantity_divisor)
    quantity_round: Text = same(PriceVersions.quantity_round)
    flat_on_zero: Text = same(PriceVersions.flat_on_zero)
    minimum_amount: UnitPrice = same(PriceVersions.minimum_amount)
    maximum_amount: UnitPrice = same(PriceVersions.maximum_amount)
    counter_version_id: Text = same(PriceVersions.counter_version_id)
    tier_period: Text = same(PriceVersions.tier_period)
    pool: Text = same(PriceVersions.pool)
    shares_tiers: Flag = same(PriceVersions.shares_tiers)
    due_interval: Text = same(PriceVersions.due_interval)
    rounding: Text = same(PriceVersions.rounding)
    round_at: Text = same(PriceVersions.round_at)
    valid_from: Instant = column(
        "Start (in): the instant in UTC, or local midnight of the account when `starts_with` is `local_day`."
    )
    valid_to: Instant = column("Start of the price's next version (out), read likewise; FOREVER when it is the last.")
    starts_with: Text = column("How to read `valid_from`.", one_of=("local_day", "instant"))
    is_current: Flag = column("Whether it stands and is in force at the end of the run's delivery date.")
    is_superseded: Flag = column("Whether a correction has replaced it.")
    is_override: Flag = column("Whether it is a contract's own price.")
    superseded_by: Text = same(PriceVersions.superseded_by)
    superseded_on: Day = same(PriceVersions.superseded_on)
    reason: Text = same(PriceVersions.reason)
    approved_by: Text = same(PriceVersions.approved_by)
    recorded_on: Day = same(PriceVersions.recorded_on)
    document: Text = same(PriceVersions.document)


class DimDate(Mart, schema="marts"):
    """A day of the calendar, from the first year with usage or a delivery to the end of the year after the run.

    Grain: one row per day.
    """

    date_day: Day = key("The day.")
    date_month: Day = column("First day of its month.")
    date_quarter: Day = column("First day of its quarter.")
    date_year: Day = column("First day of its year.")
    accounting_period: Text = column("Its accounting period.", example="2026-10")
    month_name: Text = column("English name of its month.", example="October")
    day_of_week: Count = column("ISO day of the week: Monday is 1.", unit="day of the week", at_least=1)
    is_weekend: Flag = column("Whether it is a Saturday or a Sunday.")
    is_month_end: Flag = column("Whether it is the last day of its month.")


class DimAccountingPeriod(Mart, schema="marts"):
    """A month of postings of one of our legal entities: open, or closed by a seal and never changed again.

    Grain: one row per legal entity and month, from the first with a line to that of the run.
    """

    legal_entity_id: Text = same_key(LineItems.legal_entity_id)
    accounting_period: Text = key("The month.", example="2026-10")
    date_month: Day = column("First day of the month.")
    is_period_closed: Flag = column("Whether it is closed.")
    locked_at: Instant = same(SealedPeriods.locked_at, null_means=OPEN)
    seal_number: Count = same(SealedPeriods.seal_number, null_means=OPEN)
    sealed_as_of_date: Day = same(SealedPeriods.sealed_as_of, null_means=OPEN)
    line_count: Count = same(SealedPeriods.line_count, null_means=OPEN)
    closed_by: Text = same(SealedPeriods.requested_by, null_means=OPEN)
    approved_by: Text = same(SealedPeriods.approved_by, null_means=OPEN)
    reason: Text = same(SealedPeriods.reason, null_means=OPEN)


class DimCurrency(Mart, schema="marts"):
    """A currency of ISO 4217 with its smallest amount.

    Grain: one row per currency.
    """

    currency: Text = same_key(Currencies.currency)
    currency_name: Text = same(Currencies.currency_name)
    minor_units: Count = same(Currencies.minor_units)
    minor_unit_amount: Amount = column("Smallest amount: 0.01 for USD, 1 for JPY.", unit="currency", example="0.01")
    is_reporting_currency: Flag = column("Whether it is the one that reports are read in.")
    latest_rate_date: Day = column(
        "Latest rate date of an exchange rate into the reporting currency that a day in use can have.",
        null_means="no day in use has a rate, or it is the reporting currency",
        example="2026-10-30",
    )


class DimFxRate(Mart, schema="marts"):
    """An exchange rate as a delivery brought it; corrections are rows of their own. What is used: dim_exchange_rate.

    Grain: one row per rate date, currency pair, rate type and delivery.
    """

    rate_date: Day = same_key(FxRates.rate_date)
    base_currency: Text = same_key(FxRates.base_currency)
    quote_currency: Text = same_key(FxRates.quote_currency)
    rate_type: Text = same_key(FxRates.rate_type)
    delivery_date: Day = same_key(FxRates.delivery_date)
    rate: ExchangeRate = same(FxRates.rate)
    is_current: Flag = column("Whether it is the latest delivery of this rate: the one that counts.")
    superseded_on: Day = column("Delivery that corrected it.", null_means="it stands", example="2026-08-04")
    source_file: Text = same(FxRates.source_file)
    source_line: Count = same(FxRates.source_line)


class DimExchangeRate(Mart, schema="marts"):
    """The exchange rate of a day as it is used: amount in the target = amount * numerator / denominator.

    Grain: one row per currency, target currency and day; a day without a row has no rate that is young enough.
    """

    currency: Text = same_key(ExchangeRates.currency)
    target_currency: Text = same_key(ExchangeRates.target_currency)
    date_day: Day = same_key(ExchangeRates.rate_date_for)
    rate_date: Day = same(ExchangeRates.rate_date)
    rate_type: Text = same(Companies.fx_rate_type)
    base_currency: Text = same(ExchangeRates.base_currency)
    numerator: ExchangeRate = same(ExchangeRates.numerator)
    denominator: ExchangeRate = same(ExchangeRates.denominator)
    max_age_days: Count = same(Companies.fx_max_age_days)


# --- marts: facts ----------------------------------------------------------------------------------------------------


class FctUsageDaily(Mart, schema="marts"):
    """What a contract used of a meter on a local day of the account, priced or not.

    Grain: one row per account, contract, meter, dimensions, value currency and service date. Days of usage, not of
    posting.
    """

    account_id: Text = same_key(UsageDays.account_id)
    contract_id: Text = key(
        f"Contract that covers it; `{UNRESOLVED}` when none does, see audit.aud_suspense.", example="contract_001"
    )
    meter: Text = same_key(UsageDays.meter)
    dimensions: Text = same_key(UsageDays.dimensions)
    value_currency: Text = same_key(UsageDays.value_currency)
    service_date: Day = same_key(UsageDays.service_date)
    unit: Text = column("Unit of one.", null_means="the book does not know the meter", example="token")
    quantity: Quantity = column(
        "Sum of what the events bring. What a meter that does not add up comes to stands on the lines.",
        unit="unit of the meter",
    )
    billable_quantity: Quantity = column("The part of it that a revenue price rates.", unit="unit of the meter")
    event_count: Count = same(UsageDays.event_count)
    reversed_count: Count = same(UsageDays.reversed_count)
    reversal_count: Count = same(UsageDays.reversal_count)
    late_event_count: Count = same(UsageDays.late_event_count)
    deduplicated_count: Count = same(UsageDays.duplicate_count)


class FctLineItem(Mart, schema="marts"):
    """Money with its reason: what one price version made of one contract's usage on one day. Everything sums it.

    Grain: one row per line: contract, price version, group, charge kind, service date and posting month.
    """

    line_item_id: Text = same_key(LineItems.line_item_id)
    legal_entity_id: Text = same(LineItems.legal_entity_id)
    account_id: Text = same(LineItems.account_id)
    payer_id: Text = same(LineItems.payer_id)
    contract_id: Text = same(LineItems.contract_id)
    product_id: Text = same(LineItems.product_id)
    price_id: Text = same(LineItems.price_id)
    price_version_id: Text = same(LineItems.price_version_id)
    charge_kind: Text = same(LineItems.charge_kind)
    kind: Text = same(LineItems.kind)
    is_adjustment: Flag = same(LineItems.is_adjustment)
    dimensions: Text = same(LineItems.dimensions)
    service_date: Day = same(LineItems.service_date)
    posting_date: Day = same(LineItems.posting_date)
    billing_period_start: Day = same(LineItems.billing_period_start)
    billing_period_end: Day = same(LineItems.billing_period_end)
    quantity: Quantity = same(LineItems.quantity)
    quantity_before: Quantity = same(LineItems.quantity_before)
    amount_exact: ExactAmount = same(LineItems.amount_exact)
    amount_exact_before: ExactAmount = same(LineItems.amount_exact_before)
    amount: Amount = same(LineItems.amount)
    list_amount: Amount = same(LineItems.list_amount)
    amount_reporting: Amount = same(LineItems.amount_reporting)
    currency: Text = same(LineItems.currency)
    reporting_currency: Text = same(Companies.reporting_currency)
    price_currency: Text = same(LineItems.price_currency)
    price_rate_date: Day = same(LineItems.price_rate_date)
    fx_rate_date: Day = same(LineItems.fx_rate_date)
    applies_to_line_item_id: Text = same(LineItems.applies_to_line_item_id)
    rule_version: Text = same(LineItems.rule_version)
    accounting_period: Text = column("Month of `posting_date`.", example="2026-10")
    is_period_closed: Flag = column("Whether that period is closed: then the line never changes.")
    is_provisional: Flag = column(
        "Whether usage of its day is still expected (audit.aud_feed_day): the line may grow when it arrives."
    )


class FctInvoice(Mart, schema="marts"):
    """What a payer owes one of our legal entities for one billing period: as issued, or as it would be issued tonight.

    Grain: one row per invoice: legal entity, payer, currency and billing period; and corrections by themselves.
    """

    invoice_id: Text = same_key(BillingDocuments.document_id)
    invoice_number: Text = same(BillingDocuments.document_number)
    status: Text = same(BillingDocuments.status)
    parked_rule: Text = same(BillingDocuments.parked_rule)
    legal_entity_id: Text = same(LineItems.legal_entity_id)
    payer_id: Text = same(LineItems.payer_id)
    currency: Text = same(LineItems.currency)
    billing_period_start: Day = same(LineItems.billing_period_start)
    billing_period_end: Day = same(LineItems.billing_period_end)
    invoice_date: Day = same(BillingDocuments.document_date)
    due_date: Day = same(BillingDocuments.due_date)
    corrects_invoice_id: Text = same(BillingDocuments.corrects_document_id)
    line_count: Count = column("Lines of the invoice.", unit="line", at_least=1)
    subtotal_amount: AmountSum = column("Sum of the lines.", unit="currency")
    discount_amount: AmountSum = column("Discounts of the whole invoice; 0 until they are built.", unit="currency")
    tax_amount: AmountSum = column("Tax; 0 until it is built.", unit="currency")
    total_amount: AmountSum = column("Subtotal, less discounts, with tax.", unit="currency")
    amount_paid: AmountSum = column("Payments applied; 0 until they are built.", unit="currency")
    amount_credited: AmountSum = column("What issued credit notes take off it.", unit="currency")
    amount_remaining: AmountSum = column("Total, less payments and credit notes.", unit="currency")
    total_amount_reporting: AmountSum = column(
        "Total in the reporting currency: the sum of the line items, each at the rate of its posting date.",
        null_means="a line item has no rate, see audit.aud_finding",
        unit="reporting currency",
    )
    reporting_currency: Text = same(FctLineItem.reporting_currency)
    is_provisional: Flag = column(
        "Whether usage of any day of its billing period is still expected; never once issued."
    )


class FctInvoiceLine(Mart, schema="marts"):
    """What an invoice says: a period's line items of one price, versions with equal terms together; and corrections.

    Grain: one row per invoice and line. A correction has the billing period of the invoice that it corrects.
    """

    invoice_id: Text = same_key(FctInvoice.invoice_id)
    line_no: Count = same_key(BillingDocumentLines.line_no)
    legal_entity_id: Text = same(LineItems.legal_entity_id)
    payer_id: Text = same(LineItems.payer_id)
    account_id: Text = same(LineItems.account_id)
    contract_id: Text = same(LineItems.contract_id)
    product_id: Text = same(LineItems.product_id)
    price_id: Text = same(LineItems.price_id)
    terms_id: Text = same(PriceVersions.terms_id)
    dimensions: Text = same(LineItems.dimensions)
    charge_kind: Text = same(LineItems.charge_kind)
    billing_period_start: Day = same(LineItems.billing_period_start)
    billing_period_end: Day = same(LineItems.billing_period_end)
    service_period_start: Day = same(BillingDocumentLines.service_period_start)
    service_period_end: Day = same(BillingDocumentLines.service_period_end)
    quantity: Quantity = same(BillingDocumentLines.quantity)
    unit_price: UnitPrice = same(BillingDocumentLines.unit_price)
    amount: AmountSum = same(BillingDocumentLines.amount)
    amount_reporting: AmountSum = same(BillingDocumentLines.amount_reporting)
    tax_amount: AmountSum = column("Tax of the line; 0 until it is built.", unit="currency")
    currency: Text = same(LineItems.currency)
    price_currency: Text = same(LineItems.price_currency)
    reporting_currency: Text = same(FctLineItem.reporting_currency)
    rated_line_count: Count = same(BillingDocumentLines.rated_line_count)
    corrects_invoice_id: Text = same(BillingDocumentLines.corrects_document_id)
    corrects_line_no: Count = same(BillingDocumentLines.corrects_line_no)


class FctCreditNote(Mart, schema="marts"):
    """What an issued invoice turned out to be too much by, where that is the whole difference: amounts are below zero.

    Grain: one row per credit note.
    """

    credit_note_id: Text = same_key(BillingDocuments.document_id)
    credit_note_number: Text = same(BillingDocuments.document_number)
    status: Text = same(BillingDocuments.status)
    parked_rule: Text = same(BillingDocuments.parked_rule)
    reason_code: Text = column("Why it is given.", one_of=("later_difference",))
    original_invoice_id: Text = column("Invoice that it takes from.", example="acme_us:acct_001:USD:2026-09-01")
    legal_entity_id: Text = same(LineItems.legal_entity_id)
    payer_id: Text = same(LineItems.payer_id)
    currency: Text = same(LineItems.currency)
    billing_period_start: Day = same(LineItems.billing_period_start)
    billing_period_end: Day = same(LineItems.billing_period_end)
    credit_note_date: Day = same(BillingDocuments.document_date)
    line_count: Count = column("Lines of the credit note.", unit="line", at_least=1)
    amount: AmountSum = column("Sum of the lines: below zero.", unit="currency")
    tax_amount: AmountSum = column("Tax; 0 until it is built.", unit="currency")
    amount_reporting: AmountSum = same(BillingDocuments.amount_reporting)
    reporting_currency: Text = same(FctLineItem.reporting_currency)


class FctCreditNoteLine(Mart, schema="marts"):
    """By how much one line of an issued invoice has become less, or more, within a credit note.

    Grain: one row per credit note and line.
    """

    credit_note_id: Text = same_key(FctCreditNote.credit_note_id)
    line_no: Count = same_key(BillingDocumentLines.line_no)
    original_invoice_id: Text = same(FctCreditNote.original_invoice_id)
    original_line_no: Count = column(
        "Line of the invoice.", null_means="the invoice has no line of these terms", unit="number", example="3"
    )
    legal_entity_id: Text = same(LineItems.legal_entity_id)
    payer_id: Text = same(LineItems.payer_id)
    account_id: Text = same(LineItems.account_id)
    contract_id: Text = same(LineItems.contract_id)
    product_id: Text = same(LineItems.product_id)
    price_id: Text = same(LineItems.price_id)
    terms_id: Text = same(PriceVersions.terms_id)
    dimensions: Text = same(LineItems.dimensions)
    charge_kind: Text = same(LineItems.charge_kind)
    billing_period_start: Day = same(LineItems.billing_period_start)
    billing_period_end: Day = same(LineItems.billing_period_end)
    quantity: Quantity = same(BillingDocumentLines.quantity)
    amount: AmountSum = same(BillingDocumentLines.amount)
    amount_reporting: AmountSum = same(BillingDocumentLines.amount_reporting)
    tax_amount: AmountSum = column("Tax of the line; 0 until it is built.", unit="currency")
    currency: Text = same(LineItems.currency)
    reporting_currency: Text = same(FctLineItem.reporting_currency)
    rated_line_count: Count = same(BillingDocumentLines.rated_line_count)


class FctRevenueDaily(Mart, schema="marts"):
    """Revenue by posting day: recognised as used; beside it what is billed on that day, of whatever was earned before.

    Grain: one row per legal entity, account, contract, product, posting day and currency.
    """

    legal_entity_id: Text = same_key(LineItems.legal_entity_id)
    account_id: Text = same_key(LineItems.account_id)
    contract_id: Text = same_key(LineItems.contract_id)
    product_id: Text = same_key(LineItems.product_id)
    date_day: Day = key("Posting date.")
    currency: Text = same_key(LineItems.currency)
    accounting_period: Text = same(FctLineItem.accounting_period)
    recognised_amount: AmountSum = column("Revenue earned: usage is earned on the day it counts.", unit="currency")
    billed_amount: AmountSum = column(
        "Revenue on invoices and credit notes that are issued, on their day.", unit="currency"
    )
    unbilled_delta: AmountSum = column("Change of what is earned and not billed yet.", unit="currency")
    list_amount: AmountSum = column("The same usage at the plans' prices without overrides.", unit="currency")
    recognised_amount_reporting: AmountSum = column(
        "Revenue earned, in the reporting currency: the sum of the line items.",
        null_means="a line item has no rate, see audit.aud_finding",
        unit="reporting currency",
    )
    billed_amount_reporting: AmountSum = column(
        "Revenue on issued invoices and credit notes, in the reporting currency.", unit="reporting currency"
    )
    unbilled_delta_reporting: AmountSum = column(
        "Change of what is earned and not billed yet, in the reporting currency.",
        null_means="a line item has no rate, see audit.aud_finding",
        unit="reporting currency",
    )
    reporting_currency: Text = same(FctLineItem.reporting_currency)
    is_provisional: Flag = column("Whether any line item behind it is provisional.")


class FctCostDaily(Mart, schema="marts"):
    """Cost by day, from both sides: what cost prices make of usage (modelled), and what providers bill (actual).

    Add up one side only, or the rows with `is_cost_basis`: those that count in the product's margin. Names are those
    of FOCUS.

    Grain: one row per account, product, day, cost source, provider, billing account and period, allocation method and
    currency.
    """

    account_id: Text = key("Account that bears it; `unmapped` or `unallocated` when none does.", example="acct_007")
    product_id: Text = same_key(Costs.product_id)
    date_day: Day = key("Posting date: of a charge the day on which it starts.")
    cost_source: Text = key("Where it comes from.", one_of=("modelled", "actual"))
    provider_name: Text = key("Provider that bills it; empty when it is modelled.", example="AWS")
    billing_account_id: Text = key(
        "Account of ours that the provider bills; empty when it is modelled.", example="1234567890123"
    )
    billing_period_start: Day = key("First day of the provider's billing period, or of that of the line item.")
    allocation_method: Text = key(
        "How it reached the account: `rated` by a cost price, else see audit.aud_cost_row.",
        one_of=("rated", *ALLOCATION_METHODS),
    )
    currency: Text = key("ISO 4217 code of the costs.", example="USD")
    accounting_period: Text = same(FctLineItem.accounting_period)
    is_cost_basis: Flag = column("Whether it counts in the margin: the product's cost basis, and whatever is unmapped.")
    list_cost: ProviderCost = same(CostShares.list_cost)
    contracted_cost: ProviderCost = same(CostShares.contracted_cost)
    billed_cost: ProviderCost = same(CostShares.billed_cost)
    effective_cost: ProviderCost = same(CostShares.effective_cost)
    billed_cost_reporting: ProviderCost = column(
        "`billed_cost` in the reporting currency, at the rates of the days.",
        null_means="no rate is known for one of them",
        unit="reporting currency",
    )
    reporting_currency: Text = same(FctLineItem.reporting_currency)


# --- reports ---------------------------------------------------------------------------------------------------------


class RptRevenueByProduct(Mart, schema="reports"):
    """Revenue of a product in a month of posting.

    Grain: one row per month, product and currency.
    """

    date_month: Day = key("First day of the posting month.")
    product_id: Text = same_key(LineItems.product_id)
    currency: Text = same_key(LineItems.currency)
    product_name: Text = column(
        "Name of the product.", null_means="today's book does not know it", example="API tokens"
    )
    recognised_amount: AmountSum = same(FctRevenueDaily.recognised_amount)
    billed_amount: AmountSum = same(FctRevenueDaily.billed_amount)
    list_amount: AmountSum = same(FctRevenueDaily.list_amount)
    recognised_amount_reporting: AmountSum = same(FctRevenueDaily.recognised_amount_reporting)
    billed_amount_reporting: AmountSum = same(FctRevenueDaily.billed_amount_reporting)
    reporting_currency: Text = same(FctLineItem.reporting_currency)
    price_concession_amount: AmountSum = column(
        "List less recognised: what overrides give away; below 0 where they are dearer.", unit="currency"
    )
    account_count: Count = column("Accounts with a line, also one of 0.", unit="account", at_least=1)
    revenue_rank: Count = column(
        "Rank by recognised amount within month and currency; equals share one.", unit="rank", at_least=1
    )


class RptRevenueByAccount(Mart, schema="reports"):
    """Revenue of an account in a month of posting, with the account as it is now.

    Grain: one row per month, account and currency.
    """

    date_month: Day = key("First day of the posting month.")
    account_id: Text = same_key(LineItems.account_id)
    currency: Text = same_key(LineItems.currency)
    account_name: Text = column(
        "Name of the account now.", null_means="no state is in force now", example="First customer"
    )
    segment: Text = same(Accounts.segment)
    region: Text = same(Accounts.region)
    recognised_amount: AmountSum = same(FctRevenueDaily.recognised_amount)
    billed_amount: AmountSum = same(FctRevenueDaily.billed_amount)
    list_amount: AmountSum = same(FctRevenueDaily.list_amount)
    recognised_amount_reporting: AmountSum = same(FctRevenueDaily.recognised_amount_reporting)
    billed_amount_reporting: AmountSum = same(FctRevenueDaily.billed_amount_reporting)
    reporting_currency: Text = same(FctLineItem.reporting_currency)
    price_concession_amount: AmountSum = same(RptRevenueByProduct.price_concession_amount)
    product_count: Count = column("Products with a line, also one of 0.", unit="product", at_least=1)
    revenue_rank: Count = same(RptRevenueByProduct.revenue_rank)


class RptLineItemMonthly(Mart, schema="reports"):
    """Line items by month of posting, for reading without the days. Revenue and cost stand in rows of their own.

    Grain: one row per accounting period, legal entity, account, contract, price, dimensions, charge kind, kind,
    adjustment flag and currency.
    """

    accounting_period: Text = same_key(FctLineItem.accounting_period)
    legal_entity_id: Text = same_key(LineItems.legal_entity_id)
    account_id: Text = same_key(LineItems.account_id)
    contract_id: Text = same_key(LineItems.contract_id)
    price_id: Text = same_key(LineItems.price_id)
    dimensions: Text = same_key(LineItems.dimensions)
    charge_kind: Text = same_key(LineItems.charge_kind)
    kind: Text = same_key(LineItems.kind)
    is_adjustment: Flag = same_key(LineItems.is_adjustment)
    currency: Text = same_key(LineItems.currency)
    product_id: Text = same(LineItems.product_id)
    quantity: Quantity = same(LineItems.quantity)
    amount_exact: ExactAmount = same(LineItems.amount_exact)
    amount: AmountSum = column("Sum of the line items.", unit="currency")
    list_amount: AmountSum = column("The same at the plan's price without override.", unit="currency")
    amount_reporting: AmountSum = same(FctInvoiceLine.amount_reporting)
    reporting_currency: Text = same(FctLineItem.reporting_currency)
    line_count: Count = column("Line items behind it.", unit="line item", at_least=1)


class RptPaymentFees(Mart, schema="reports"):
    """What an account was charged by a fee in a month of posting: prices of the book that have a fee category.

    A rate by volume is that of the tier that the period's value falls in; a price whose version changed has a row for
    each of its rates. What bounds and tiers' flat amounts add is in the subtotal alone.

    Grain: one row per month, account, currency, fee and its rates.
    """

    date_month: Day = key("First day of the posting month.")
    account_id: Text = same_key(LineItems.account_id)
    currency: Text = same_key(LineItems.currency)
    price_currency: Text = same_key(LineItems.price_currency)
    fee_category: Text = key("Category of the fee, as the book has it.", example="Network")
    fee_name: Text = key(
        "Name of the price, with its dimensions; `, minimum` or `, maximum` behind it for what a bound adds.",
        example="Interchange (card=credit, region=eu)",
    )
    variable_rate: UnitPrice = key("Share of the value; 0 if it has no such part.", unit="share", example="0.0045")
    variable_volume_amount: Quantity = column("Value that was processed.", unit="price_currency")
    fixed_per_item_amount: UnitPrice = key(
        "Fee of an item; 0 if it has no such part.", unit="price_currency", example="0.20"
    )
    fixed_per_item_count: Quantity = column("Items that paid it.", unit="item")
    subtotal: AmountSum = column("Sum of the line items.", unit="currency")


class RptGrossMarginByCurrency(Mart, schema="reports"):
    """What an account's product earned and cost in a month of posting, each currency by itself.

    Revenue in one currency and cost in another are two rows: rpt_gross_margin brings them together.

    Grain: one row per month, account, product and currency.
    """

    date_month: Day = key("First day of the posting month.")
    account_id: Text = same_key(FctCostDaily.account_id)
    product_id: Text = same_key(FctCostDaily.product_id)
    currency: Text = key("ISO 4217 code of all amounts of the row.", example="USD")
    account_name: Text = column(
        "Name of the account now.", null_means="it is no account, or none is in force now", example="Acme Inc."
    )
    product_name: Text = same(RptRevenueByProduct.product_name)
    cost_basis: Text = column("Which cost counts.", null_means="the cost is unmapped", one_of=("modelled", "actual"))
    revenue: ProviderCost = column(
        "Revenue earned.", null_means="an amount has no exchange rate, see the line items", unit="currency"
    )
    cost: ProviderCost = column(
        "Billed cost that counts: of the product's cost basis.",
        null_means="a cost has no exchange rate",
        unit="currency",
    )
    gross_margin: ProviderCost = column("Revenue less cost.", null_means="one of them is unknown", unit="currency")
    margin_pct: Percent = column(
        "Gross margin in per cent of revenue.",
        null_means="there is no revenue above zero, or it is unknown",
        unit="%",
        example="62.50",
    )
    margin_pct_prior: Percent = column(
        "The same of the month before.", null_means="that month has none", unit="%", example="58.00"
    )
    modelled_cost: ProviderCost = column("Cost by cost prices.", null_means="none, or unknown", unit="currency")
    actual_cost: ProviderCost = column("Cost by providers' bills.", null_means="none, or unknown", unit="currency")
    cost_variance: ProviderCost = column(
        "Actual less modelled cost; an account that has one side only counts with it.",
        null_means="the product has not both in that month, or one is unknown",
        unit="currency",
    )


class RptGrossMargin(Mart, schema="reports"):
    """What an account's product earned and cost in a month of posting, in the reporting currency.

    Grain: one row per month, account and product.
    """

    date_month: Day = same_key(RptGrossMarginByCurrency.date_month)
    account_id: Text = same_key(RptGrossMarginByCurrency.account_id)
    product_id: Text = same_key(RptGrossMarginByCurrency.product_id)
    currency: Text = column("The reporting currency.", example="USD")
    account_name: Text = same(RptGrossMarginByCurrency.account_name)
    product_name: Text = same(RptGrossMarginByCurrency.product_name)
    cost_basis: Text = same(RptGrossMarginByCurrency.cost_basis)
    revenue: ProviderCost = same(RptGrossMarginByCurrency.revenue)
    cost: ProviderCost = same(RptGrossMarginByCurrency.cost)
    gross_margin: ProviderCost = same(RptGrossMarginByCurrency.gross_margin)
    margin_pct: Percent = same(RptGrossMarginByCurrency.margin_pct)
    margin_pct_prior: Percent = same(RptGrossMarginByCurrency.margin_pct_prior)
    modelled_cost: ProviderCost = same(RptGrossMarginByCurrency.modelled_cost)
    actual_cost: ProviderCost = same(RptGrossMarginByCurrency.actual_cost)
    cost_variance: ProviderCost = same(RptGrossMarginByCurrency.cost_variance)


# --- audit -----------------------------------------------------------------------------------------------------------


class AudReconciliation(Mart, schema="audit"):
    """Two ways to the same number. A row that has not passed holds the publish.

    Grain: one row per check and scope. A check that has nothing to compare has one row of scope `(nothing)`.
    """

    check_name: Text = key("What must be equal.", example="invoice_lines_on_invoices")
    scope: Text = key("What it is about.", example="acme_us USD 2026-10-01")
    left_name: Text = column("Where the left number comes from.", example="sum of line items")
    left_amount: Quantity = column(
        "The left number.", unit="as the check says", null_means="unknown or missing: the check fails"
    )
    right_name: Text = column("Where the right number comes from.", example="sum of invoice lines")
    right_amount: Quantity = column(
        "The right number.", unit="as the check says", null_means="unknown or missing: the check fails"
    )
    difference: Quantity = column(
        "Left less right.", unit="as the check says", null_means="a side is unknown or missing: the check fails"
    )
    tolerance: Quantity = column("Largest difference that passes.", unit="as the check says", at_least=0)
    is_passed: Flag = column("Whether both sides are known and the difference is within the tolerance.")
    severity: Text = column("What a failure does.", one_of=("error",))
    drill_sql: Text = column(
        "Statement for the published file that lists the rows behind the difference.",
        example="from marts.fct_line_item where invoice_id is null",
    )


class AudRun(Mart, schema="audit"):
    """An earlier run and how it ended; the run behind this file is in meta.run. Outside the hash.

    Grain: one row per run.
    """

    run_number: Count = same_key(RunLog.run_number)
    as_of_date: Day = same(RunLog.as_of_date)
    status: Text = same(RunLog.status)
    started_at: Instant = same(RunLog.started_at)
    finished_at: Instant = same(RunLog.finished_at)
    elapsed_ms: Count = same(RunLog.elapsed_ms)
    table_count: Count = same(RunLog.table_count)
    row_count: Count = same(RunLog.row_count)
    byte_count: Count = same(RunLog.byte_count)
    peak_memory_bytes: Count = same(RunLog.peak_memory_bytes)
    peak_memory_of: Text = same(RunLog.peak_memory_of)
    cells_added_up: Count = same(RunLog.cells_added_up)
    gates_passed: Count = same(RunLog.gates_passed)
    message: Text = same(RunLog.message)


class AudRunTable(Mart, schema="audit"):
    """What a table cost an earlier run: rows, bytes, time and peak memory. Outside the hash.

    Grain: one row per run and table.
    """

    run_number: Count = same_key(RunTables.run_number)
    table_name_: Text = same_key(RunTables.table_name_)
    step: Text = same(RunTables.step)
    elapsed_ms: Count = same(RunTables.elapsed_ms)
    row_count: Count = same(RunTables.row_count)
    byte_count: Count = same(RunTables.byte_count)
    step_elapsed_ms: Count = same(RunTables.step_elapsed_ms)
    step_peak_memory_bytes: Count = same(RunTables.step_peak_memory_bytes)


class AudFeedDay(Mart, schema="audit"):
    """What was expected of a feed for a delivery day, and what has arrived of it. Empty while nothing is expected.

    Grain: one row per feed and delivery day on which it is expected.
    """

    feed: Text = same_key(FeedDays.feed)
    delivery_date: Day = same_key(FeedDays.delivery_date)
    due_date: Day = same(FeedDays.due_date)
    status: Text = same(FeedDays.status)
    expected_files: Count = same(FeedDays.expected_files)
    arrived_files: Count = same(FeedDays.arrived_files)
    late_files: Count = same(FeedDays.late_files)
    refused_files: Count = same(FeedDays.refused_files)
    expected_rows: Count = same(FeedDays.expected_rows)
    arrived_rows: Count = same(FeedDays.arrived_rows)
    missing_sources: Text = same(FeedDays.missing_sources)
    completed_on: Day = same(FeedDays.completed_on)
    last_seen_on: Day = same(FeedDays.last_seen_on)
    if_missing: Text = same(FeedDays.if_missing)
    service_from: Day = same(FeedDays.service_from)
    service_to: Day = same(FeedDays.service_to)
    message: Text = same(FeedDays.message)


class AudInputFile(Mart, schema="audit"):
    """A file found in the landing zone, and where every row of it went.

    Grain: one row per delivery date and file.
    """

    delivery_date: Day = same_key(LandedFiles.delivery_date)
    source_file: Text = same_key(LandedFiles.source_file)
    dataset: Text = same(LandedFiles.dataset)
    sha256: Text = same(LandedFiles.sha256)
    byte_count: Count = same(LandedFiles.byte_count)
    status: Text = same(LandedFiles.status)
    rule: Text = same(LandedFiles.rule)
    message: Text = same(LandedFiles.message)
    landed_rows: Count = same(LandedFiles.landed_rows)
    accepted_rows: Count = same(LandedFiles.accepted_rows)
    duplicate_rows: Count = same(LandedFiles.duplicate_rows)
    conflict_rows: Count = same(LandedFiles.conflict_rows)
    rejected_rows: Count = same(LandedFiles.rejected_rows)
    landed_quantity: Quantity = same(LandedFiles.landed_quantity)
    accepted_quantity: Quantity = same(LandedFiles.accepted_quantity)
    duplicate_quantity: Quantity = same(LandedFiles.duplicate_quantity)
    conflict_quantity: Quantity = same(LandedFiles.conflict_quantity)
    rejected_quantity: Quantity = same(LandedFiles.rejected_quantity)


class AudRejectedRow(Mart, schema="audit"):
    """A landed record that breaks a rule of intake, with the rule, the place and the remedy.

    Grain: one row per landed record, naming the first rule that it breaks.
    """

    delivery_date: Day = same_key(RejectedRows.delivery_date)
    source_file: Text = same_key(RejectedRows.source_file)
    source_line: Count = same_key(RejectedRows.source_line)
    source_part: Count = same_key(RejectedRows.source_part)
    dataset: Text = same(RejectedRows.dataset)
    rule: Text = same(RejectedRows.rule)
    column_name: Text = same(RejectedRows.column_name)
    found: Text = same(RejectedRows.found)
    message: Text = same(RejectedRows.message)
    remedy: Text = same(RejectedRows.remedy)
    quantity: Quantity = same(RejectedRows.quantity)


class AudAction(Mart, schema="audit"):
    """A decision that a person made by hand and another one approved, from the first delivery date that sees it.

    Grain: one row per decision. The names are those given to the command: evidence, not access control.
    """

    action_id: Text = same_key(Actions.action_id)
    delivery_date: Day = same(Actions.delivery_date)
    action: Text = same(Actions.action)
    target: Text = same(Actions.target)
    reason: Text = same(Actions.reason)
    requested_by: Text = same(Actions.requested_by)
    approved_by: Text = same(Actions.approved_by)
    requested_at: Instant = same(Actions.requested_at)
    source_file: Text = same(Actions.source_file)
    source_line: Count = same(Actions.source_line)


class AudUsageIntake(Mart, schema="audit"):
    """Usage rows counted where they lie, beside what their file says: the first step of the tie-out.

    Grain: one row per delivery date, file, meter and outcome of intake. Rejected rows stand in aud_rejected_row.
    """

    delivery_date: Day = same_key(LandedFiles.delivery_date)
    source_file: Text = same_key(LandedFiles.source_file)
    meter: Text = same_key(UsageEvents.meter)
    outcome: Text = key("What intake decided.", one_of=("accepted", "duplicate", "conflict"))
    row_count: Count = column("Rows.", unit="row", at_least=1)
    reversal_count: Count = column(
        "Those of them that reverse or amend an event: see audit.aud_reversal.", unit="row", at_least=0
    )
    quantity: Quantity = column("Sum of their quantities.", unit="unit of the meter")


class AudCostIntake(Mart, schema="audit"):
    """Charges counted where they lie, by the bill that they belong to, and whether that bill stands.

    Grain: one row per delivery date, file, provider, billing account, billing period and currency.
    """

    delivery_date: Day = same_key(LandedFiles.delivery_date)
    source_file: Text = same_key(LandedFiles.source_file)
    provider_name: Text = same_key(CostRows.provider_name)
    billing_account_id: Text = same_key(CostRows.billing_account_id)
    billing_period_start: Day = same_key(CostRows.billing_period_start)
    currency: Text = same_key(CostRows.currency)
    landed_on: Day = same(CostRows.landed_on)
    is_standing: Flag = column("Whether it stands: false when a later delivery has replaced the bill.")
    charge_count: Count = column("Charges.", unit="charge", at_least=1)
    billed_cost: ProviderCost = column("Sum of what they bill.", unit="currency")


class AudCostRow(Mart, schema="audit"):
    """A charge of a bill that stands: its file and line, and whose cost it is or why nobody's.

    Grain: one row per delivery date, file and line.
    """

    delivery_date: Day = same_key(Costs.delivery_date)
    source_file: Text = same_key(Costs.source_file)
    source_line: Count = same_key(Costs.source_line)
    provider_name: Text = same(Costs.provider_name)
    billing_account_id: Text = same(Costs.billing_account_id)
    billing_period_start: Day = same(Costs.billing_period_start)
    charge_date: Day = same(Costs.charge_date)
    charge_end_date: Day = same(Costs.charge_end_date)
    charge_category: Text = same(Costs.charge_category)
    charge_class: Text = same(Costs.charge_class)
    charge_description: Text = same(Costs.charge_description)
    service_category: Text = same(Costs.service_category)
    service_name: Text = same(Costs.service_name)
    sku_id: Text = same(Costs.sku_id)
    sub_account_id: Text = same(Costs.sub_account_id)
    region_id: Text = same(Costs.region_id)
    resource_id: Text = same(Costs.resource_id)
    tags: Text = same(Costs.tags)
    consumed_quantity: ProviderQuantity = same(Costs.consumed_quantity)
    consumed_unit: Text = same(Costs.consumed_unit)
    list_cost: ProviderCost = same(Costs.list_cost)
    contracted_cost: ProviderCost = same(Costs.contracted_cost)
    billed_cost: ProviderCost = same(Costs.billed_cost)
    effective_cost: ProviderCost = same(Costs.effective_cost)
    currency: Text = same(Costs.currency)
    mapping_id: Text = same(Costs.mapping_id)
    product_id: Text = same(Costs.product_id)
    account_id: Text = same(Costs.account_id)
    allocation_method: Text = same(Costs.allocation_method)
    unmapped_rule: Text = same(Costs.unmapped_rule)
    unmapped_detail: Text = same(Costs.unmapped_detail)


class AudReversal(Mart, schema="audit"):
    """A reversal or an amendment, the event that it took back, or the rule by which it waits.

    Grain: one row per source and event id, as it stands on the run's day.
    """

    source: Text = same_key(Reversals.source)
    event_id: Text = same_key(Reversals.event_id)
    correction: Text = same(Reversals.correction)
    outcome: Text = same(Reversals.outcome)
    rule: Text = same(Reversals.rule)
    landed_on: Day = same(Reversals.landed_on)
    decided_on: Day = column("The delivery that decided: its own, or the one that brought its event.")
    source_file: Text = same(Reversals.source_file)
    source_line: Count = same(Reversals.source_line)
    account_id: Text = same(Reversals.account_id)
    meter: Text = same(Reversals.meter)
    occurred_at: Instant = same(Reversals.occurred_at)
    quantity: Quantity = same(Reversals.quantity)
    reversed_event_id: Text = same(Reversals.reversed_event_id)
    reversed_delivery_date: Day = same(Reversals.reversed_delivery_date)
    reversed_file: Text = same(Reversals.reversed_file)
    reversed_line: Count = same(Reversals.reversed_line)
    reversed_occurred_at: Instant = same(Reversals.reversed_occurred_at)
    reversed_quantity: Quantity = same(Reversals.reversed_quantity)


class AudUsageOutcome(Mart, schema="audit"):
    """What became of accepted usage: priced, zero-rated, in suspense or excluded, per kind of line. It conserves.

    Grain: one row per account, meter, dimensions, service date, kind, outcome, rule and detail.
    """

    account_id: Text = same_key(UsageOutcomes.account_id)
    meter: Text = same_key(UsageOutcomes.meter)
    dimensions: Text = same_key(UsageOutcomes.dimensions)
    service_date: Day = same_key(UsageOutcomes.service_date)
    kind: Text = same_key(UsageOutcomes.kind)
    outcome: Text = same_key(UsageOutcomes.outcome)
    rule: Text = same_key(UsageOutcomes.rule)
    detail: Text = same_key(UsageOutcomes.detail)
    event_count: Count = same(UsageOutcomes.event_count)
    quantity: Quantity = same(UsageOutcomes.quantity)
    landed_quantity: Quantity = same(UsageOutcomes.landed_quantity)
    first_delivery_date: Day = same(UsageOutcomes.first_delivery_date)


class AudSuspense(Mart, schema="audit"):
    """Accepted usage that cannot be priced yet, by the reason: what to fix, oldest first.

    Grain: one row per account, meter, dimensions, kind, rule and detail.
    """

    account_id: Text = same_key(UsageOutcomes.account_id)
    meter: Text = same_key(UsageOutcomes.meter)
    dimensions: Text = same_key(UsageOutcomes.dimensions)
    kind: Text = same_key(UsageOutcomes.kind)
    rule: Text = key("Named reason.", example="quantity_not_a_plain_decimal")
    detail: Text = same_key(UsageOutcomes.detail)
    event_count: Count = same(UsageOutcomes.event_count)
    quantity: Quantity = same(UsageOutcomes.quantity)
    first_service_date: Day = column("First local day of the usage.")
    last_service_date: Day = column("Last local day of the usage.")
    first_delivery_date: Day = column("Delivery that first brought some of it.")
    age_days: Count = column("Days from that delivery to the run's.", unit="day", at_least=0)


class AudFinding(Mart, schema="audit"):
    """What a reader of the amounts has to know: what is unknown in them, and what has changed under them.

    Grain: one row per rule, subject, currency and first date.
    """

    rule: Text = same_key(Findings.rule)
    subject: Text = same_key(Findings.subject)
    currency: Text = same_key(Findings.currency)
    first_date: Day = same_key(Findings.first_date)
    last_date: Day = same(Findings.last_date)
    line_count: Count = same(Findings.line_count)
    amount: AmountSum = same(Findings.amount)
    detail: Text = same(Findings.detail)
    remedy: Text = same(Findings.remedy)


class AudAdjustment(Mart, schema="audit"):
    """What corrects closed months, line by line, with what caused it: posted tonight, held, or sealed since.

    Grain: one row per adjustment line.
    """

    line_item_id: Text = same_key(Adjustments.line_item_id)
    legal_entity_id: Text = same(Adjustments.legal_entity_id)
    account_id: Text = same(Adjustments.account_id)
    payer_id: Text = same(Adjustments.payer_id)
    contract_id: Text = same(Adjustments.contract_id)
    product_id: Text = same(Adjustments.product_id)
    price_id: Text = same(Adjustments.price_id)
    price_version_id: Text = same(Adjustments.price_version_id)
    charge_kind: Text = same(Adjustments.charge_kind)
    kind: Text = same(Adjustments.kind)
    dimensions: Text = same(Adjustments.dimensions)
    currency: Text = same(Adjustments.currency)
    billing_period_start: Day = same(Adjustments.billing_period_start)
    billing_period_end: Day = same(Adjustments.billing_period_end)
    service_month: Day = same(Adjustments.service_month)
    service_date: Day = same(Adjustments.service_date)
    posting_date: Day = same(Adjustments.posting_date)
    accounting_period: Text = same(FctLineItem.accounting_period)
    quantity: Quantity = same(Adjustments.quantity)
    amount_exact: ExactAmount = same(Adjustments.amount_exact)
    amount: Amount = same(Adjustments.amount)
    list_amount: Amount = same(Adjustments.list_amount)
    amount_reporting: Amount = same(Adjustments.amount_reporting)
    causes: Text = same(Adjustments.causes)
    is_held: Flag = same(Adjustments.is_held)
    held_as: Text = same(Adjustments.held_as)
    is_sealed: Flag = column("Whether a closed month holds it: then it is a fact.")


class AudRuleDrift(Mart, schema="audit"):
    """What tonight's code would change of closed months by itself: shown, and posted only by `ratebook restate`.

    Grain: one row per legal entity, account, contract, price, dimensions, charge kind, currency, billing period and
    closed month of service.
    """

    legal_entity_id: Text = same_key(Corrections.legal_entity_id)
    account_id: Text = same_key(Corrections.account_id)
    contract_id: Text = same_key(Corrections.contract_id)
    price_id: Text = same_key(Corrections.price_id)
    dimensions: Text = same_key(Corrections.dimensions)
    charge_kind: Text = same_key(Corrections.charge_kind)
    currency: Text = same_key(Corrections.currency)
    billing_period_start: Day = same_key(Corrections.billing_period_start)
    service_month: Day = same_key(Corrections.service_month)
    payer_id: Text = same(Corrections.payer_id)
    product_id: Text = same(Corrections.product_id)
    kind: Text = same(Corrections.kind)
    price_version_id: Text = same(Corrections.price_version_id)
    sealed_quantity: Quantity = same(Corrections.sealed_quantity)
    sealed_amount: Amount = same(Corrections.sealed_amount)
    drift_quantity: Quantity = same(Corrections.drift_quantity)
    drift_amount_exact: ExactAmount = same(Corrections.drift_amount_exact)
    drift_amount: Amount = same(Corrections.drift_amount)


class AudClosedMonth(Mart, schema="audit"):
    """What a closed month should hold by everything known now, and where that is.

    Grain: one row per legal entity, closed month of service, currency and kind.
    """

    legal_entity_id: Text = same_key(LineItems.legal_entity_id)
    service_month: Day = same_key(Corrections.service_month)
    currency: Text = same_key(LineItems.currency)
    kind: Text = same_key(LineItems.kind)
    sealed_amount: AmountSum = column("What closed months hold of it, sealed adjustments included.", unit="currency")
    adjusted_amount: AmountSum = column("What adjustments of the first open month add.", unit="currency")
    held_amount: AmountSum = column("What held adjustments would add.", unit="currency")
    drift_amount: AmountSum = column("What the code alone would add.", unit="currency")
    desired_amount: AmountSum = column("What it should hold: the sum of the others.", unit="currency")


# --- meta ------------------------------------------------------------------------------------------------------------


class StartHere(Mart, schema="meta"):
    """Read this first: a question, the table that answers it, and a statement that runs as it stands.

    Grain: one row per question.
    """

    question_no: Count = key("Order in which to read.", unit="number")
    question: Text = column("A question.", example="What did each product earn?")
    table_name_: Text = column("Table that answers it.", example="marts.fct_line_item")
    example_sql: Text = column("A statement that runs as it stands.", example="from reports.rpt_revenue_by_product")


class MetaColumns(Mart, schema="meta", name="columns"):
    """What every column of every published table means.

    Grain: one row per table and column.
    """

    schema_name_: Text = same_key(ContractColumns.schema_name_)
    table_name_: Text = same_key(ContractColumns.table_name_)
    column_name: Text = same_key(ContractColumns.column_name)
    column_position: Count = same(ContractColumns.column_position)
    data_type: Text = same(ContractColumns.data_type)
    description: Text = same(ContractColumns.description)
    unit: Text = same(ContractColumns.unit)
    currency_column: Text = same(ContractColumns.currency_column)
    source: Text = same(ContractColumns.source)
    null_means: Text = same(ContractColumns.null_means)
    example: Text = same(ContractColumns.example)
    is_key: Flag = same(ContractColumns.is_key)


class MetaRun(Mart, schema="meta", name="run"):
    """The run behind this file: its number, what it has seen, and the fingerprints of what it depends on.

    Grain: one row. Outside the hash.
    """

    run_number: Count = same_key(Run.run_number)
    as_of_date: Day = same(Run.as_of_date)
    first_delivery_date: Day = same(Run.first_delivery_date)
    last_delivery_date: Day = same(Run.last_delivery_date)
    delivery_count: Count = same(Run.delivery_count)
    code_hash: Text = same(Run.code_hash)
    book_hash: Text = same(Run.book_hash)
    settings_hash: Text = same(Run.settings_hash)
    lake_hash: Text = same(Run.lake_hash)
    reporting_currency: Text = same(Run.reporting_currency)
    rule_version: Text = same(Run.rule_version)


class MetaTables(Mart, schema="meta", name="tables"):
    """A published table, its size and the hash of its content. Written by the publish step, not by dbt.

    Grain: one row per table; meta.run, meta.tables, audit.aud_run and audit.aud_run_table have no hash.
    """

    table_schema: Text = key("Schema of the table.", example="marts")
    table_name_: Text = key("Name of the table.", example="fct_line_item")
    row_count: Count = column("Rows.", unit="row", at_least=0)
    canonical_hash: Text = column(
        "SHA-256 of the rows, sorted by key, decimals plain: equal content, equal hash.",
        null_means="the table describes the run itself",
        example="d07a5e9f2c41",
    )


MARTS: tuple[type[Mart], ...] = (
    StartHere,
    MetaColumns,
    MetaRun,
    MetaTables,
    DimAccount,
    DimContract,
    DimProduct,
    DimPrice,
    DimDate,
    DimAccountingPeriod,
    DimCurrency,
    DimFxRate,
    DimExchangeRate,
    FctUsageDaily,
    FctLineItem,
    FctInvoice,
    FctInvoiceLine,
    FctCreditNote,
    FctCreditNoteLine,
    FctRevenueDaily,
    FctCostDaily,
    RptRevenueByProduct,
    RptRevenueByAccount,
    RptLineItemMonthly,
    RptPaymentFees,
    RptGrossMargin,
    RptGrossMarginByCurrency,
    AudReconciliation,
    AudRun,
    AudRunTable,
    AudFeedDay,
    AudInputFile,
    AudRejectedRow,
    AudAction,
    AudUsageIntake,
    AudCostIntake,
    AudCostRow,
    AudReversal,
    AudUsageOutcome,
    AudSuspense,
    AudFinding,
    AudAdjustment,
    AudRuleDrift,
    AudClosedMonth,
)
