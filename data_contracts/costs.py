"""Contract of `costs`."""

from data_contracts.cost_rows import CostRows
from data_contracts.vocabulary import Count, Day, Instant, Layout, ProviderCost, ProviderQuantity, Table, Text, column

UNMAPPED = "unmapped"  # product and account of a charge that no mapping claims: a key is never null
UNMAPPED_RULES = ("no_mapping", "ambiguous_mapping", "account_not_stated")


class Costs(Table):
    """A charge that stands on D, with the product and the account it belongs to, or the reason why that is not known.

    Grain: one row per charge of the latest delivery of its provider, billing account and billing period. Source:
    transforms.costs.
    """

    layout = Layout.PER_DELIVERY

    delivery_date: Day = CostRows.delivery_date
    source_file: Text = CostRows.source_file
    source_line: Count = CostRows.source_line
    provider_name: Text = CostRows.provider_name
    billing_account_id: Text = CostRows.billing_account_id
    billing_period_start: Day = CostRows.billing_period_start
    billing_period_end: Day = CostRows.billing_period_end
    charge_period_start_at: Instant = CostRows.charge_period_start_at
    charge_period_end_at: Instant = CostRows.charge_period_end_at
    charge_date: Day = column("Day on which the charge starts, UTC: the day on which it counts.")
    charge_end_date: Day = column("First day that the charge no longer touches, UTC.")
    charge_category: Text = CostRows.charge_category
    charge_class: Text = CostRows.charge_class
    charge_description: Text = CostRows.charge_description
    service_category: Text = CostRows.service_category
    service_name: Text = CostRows.service_name
    sku_id: Text = CostRows.sku_id
    sub_account_id: Text = CostRows.sub_account_id
    region_id: Text = CostRows.region_id
    resource_id: Text = CostRows.resource_id
    tags: Text = CostRows.tags
    consumed_quantity: ProviderQuantity = CostRows.consumed_quantity
    consumed_unit: Text = CostRows.consumed_unit
    list_cost: ProviderCost = CostRows.list_cost
    contracted_cost: ProviderCost = CostRows.contracted_cost
    billed_cost: ProviderCost = CostRows.billed_cost
    effective_cost: ProviderCost = CostRows.effective_cost
    currency: Text = CostRows.currency
    mapping_id: Text = column("Mapping that claims it; empty when none does.", example="gpu_nodes")
    product_id: Text = column(f"Product whose cost it is; `{UNMAPPED}` when no mapping says so.", example="api")
    account_id: Text = column(
        f"Account that causes it; `{UNMAPPED}` when nothing names one.",
        null_means="accounts share it by usage",
        example="acct_007",
    )
    allocation_method: Text = column("How it reaches accounts.", one_of=("direct", "usage", "unmapped"))
    unmapped_rule: Text = column("Why it reaches none.", null_means="it does", one_of=UNMAPPED_RULES)
    unmapped_detail: Text = column(
        "What the rule found, for a person.", null_means="nothing to say", example="gpu_nodes, api_nodes"
    )
