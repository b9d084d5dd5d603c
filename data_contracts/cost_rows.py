"""Contract of `cost_rows`."""

from data_contracts.vocabulary import (
    Count,
    Day,
    Delivery,
    Instant,
    ProviderCost,
    ProviderQuantity,
    Text,
    UnitPrice,
    column,
    key,
)

CHARGE_CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment", "Refund")


class CostRows(Delivery):
    """A charge of a provider's bill, as one delivered FOCUS file states it. Costs may be negative.

    Grain: one row per delivery, file and line. A later delivery of the same provider, billing account and billing
    period replaces these rows in `costs`; here they stay. Source: orchestration.intake.
    """

    delivery_date: Day = key("The delivery that brought the row.")
    source_file: Text = key("Landing file of the row.", example="costs/2026-10-02/aws.csv.gz")
    source_line: Count = key("Line of the record's start in that file.", unit="line")
    landed_on: Day = column("Date of the folder it landed in: of two folders in one delivery the later one stands.")
    provider_name: Text = column(
        "Who sells it: `ServiceProviderName` (FOCUS 1.3), else `ProviderName` (up to 1.3).", example="AWS"
    )
    billing_account_id: Text = column("Account of ours that the provider bills.", example="1234567890123")
    billing_account_name: Text = column("Its name.", null_means="not given")
    billing_period_start: Day = column("First day of the provider's billing period, UTC (in).")
    billing_period_end: Day = column("First day after it, UTC (out).")
    charge_period_start_at: Instant = column("When the charge starts, UTC (in).")
    charge_period_end_at: Instant = column("When it ends, UTC (out).")
    charge_category: Text = column("What kind of charge it is.", one_of=CHARGE_CATEGORIES)
    charge_class: Text = column(
        "`Correction` of an earlier period.", null_means="it corrects none", example="Correction"
    )
    charge_description: Text = column(
        "What is charged, in the provider's words.", null_means="not given", example="$0.008 per capacity unit-hour"
    )
    service_category: Text = column("Kind of service.", null_means="not given", example="Compute")
    service_name: Text = column(
        "Service, in the provider's words.", null_means="not given", example="Elastic Load Balancing"
    )
    sku_id: Text = column("Article of the provider.", null_means="not given", example="2ETY8Y426S4237JU")
    sku_price_id: Text = column("Price of that article.", null_means="not given")
    sub_account_id: Text = column(
        "Part of the billing account, e.g. a project.", null_means="not given", example="43883916739"
    )
    sub_account_name: Text = column("Its name.", null_means="not given")
    region_id: Text = column("Region, in the provider's words.", null_means="not given", example="us-west-2")
    resource_id: Text = column("Resource that was charged for.", null_means="not given", example="i-032l64f2065481b12")
    invoice_id: Text = column("Invoice of the provider.", null_means="not given, or not issued yet")
    tags: Text = column(
        "Canonical JSON of the tags: keys sorted, values as text.",
        null_means="there are none",
        example='{"team":"api"}',
    )
    consumed_quantity: ProviderQuantity = column(
        "What was used.", null_means="the charge is not for use", unit="consumed_unit", example="0.00200749"
    )
    consumed_unit: Text = column(
        "Unit of `consumed_quantity`.", null_means="the charge is not for use", example="LCU-Hours"
    )
    pricing_quantity: ProviderQuantity = column(
        "What was priced, often in blocks.", null_means="not given", unit="pricing_unit"
    )
    pricing_unit: Text = column("Unit of `pricing_quantity`.", null_means="not given")
    list_unit_price: UnitPrice = column("Public price of a unit.", null_means="there is none", unit="currency")
    list_cost: ProviderCost = column("Cost at public prices.", null_means="not given", unit="currency")
    contracted_cost: ProviderCost = column("Cost at negotiated prices.", null_means="not given", unit="currency")
    billed_cost: ProviderCost = column("What the provider invoices.", unit="currency")
    effective_cost: ProviderCost = column(
        "Cost with what was paid upfront spread over its use.", null_means="not given", unit="currency"
    )
    currency: Text = column("ISO 4217 code that the provider bills in.", pattern="^[A-Z]{3}$", example="USD")
