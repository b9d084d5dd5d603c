"""Contract of `cost_shares`."""

from data_contracts.costs import Costs
from data_contracts.line_items import LineItems
from data_contracts.vocabulary import Count, Day, ProviderCost, Quantity, Table, Text, column, key, same, same_key

UNALLOCATED = "unallocated"  # account of a shared cost in whose period nobody used its meters
ALLOCATION_METHODS = ("direct", "usage", UNALLOCATED, "unmapped")


class CostShares(Table):
    """What providers bill for one charge period, brought to accounts: the shares of a pool sum to it exactly.

    Grain: one row per pool (provider, billing account and period, charge period, mapping, product, currency),
    allocation method and account. A share is the pool's cost · weight / pool weight by largest remainder at twelve
    decimals, equals in the order of the account ids. Source: transforms.cost_shares.
    """

    provider_name: Text = same_key(Costs.provider_name)
    billing_account_id: Text = same_key(Costs.billing_account_id)
    billing_period_start: Day = same_key(Costs.billing_period_start)
    charge_date: Day = same_key(Costs.charge_date)
    charge_end_date: Day = same_key(Costs.charge_end_date)
    mapping_id: Text = same_key(Costs.mapping_id)
    product_id: Text = same_key(Costs.product_id)
    allocation_method: Text = key(
        "How it reached the account: `unallocated` if nobody used the meters in the charge period.",
        one_of=ALLOCATION_METHODS,
    )
    account_id: Text = key(f"Account that bears it; `{UNALLOCATED}` or `unmapped` when none does.")
    currency: Text = key("ISO 4217 code of the costs.")
    charge_count: Count = column("Charges of the pool.", unit="charge", at_least=1)
    weight: Quantity = column(
        "Usage of the account in the charge period.", null_means="it is not shared", unit="unit of the meters"
    )
    pool_weight: Quantity = column(
        "Usage of all accounts in the charge period.", null_means="it is not shared", unit="unit of the meters"
    )
    list_cost: ProviderCost = column("Share at public prices.", null_means="a charge does not say", unit="currency")
    contracted_cost: ProviderCost = column(
        "Share at negotiated prices.", null_means="a charge does not say", unit="currency"
    )
    billed_cost: ProviderCost = column("Share of what is invoiced.", unit="currency")
    effective_cost: ProviderCost = column(
        "Share with what was paid upfront spread over its use.", null_means="a charge does not say", unit="currency"
    )
    billed_cost_reporting: ProviderCost = column(
        "`billed_cost` in the reporting currency, at the rate of `charge_date`.",
        null_means="no rate is known for that day, or the share reaches 10^10",
        unit="reporting currency",
    )
    fx_rate_date: Day = same(LineItems.fx_rate_date)
