"""Contract of `cost_mappings`."""

from data_contracts.vocabulary import Count, Table, Text, column, key


class CostMappings(Table):
    """To which product and accounts a provider's charges belong, if they keep the mapping's conditions. Undated.

    Grain: one row per mapping. Source: orchestration.book.
    """

    mapping_id: Text = key("Id of the mapping.")
    product_id: Text = column("Product whose cost it is.")
    allocation_method: Text = column(
        "`direct`: to one account; `usage`: shared by the usage of its meters.", one_of=("direct", "usage")
    )
    account_id: Text = column("Account that causes it.", null_means="the charge names it, or it is shared")
    account_from: Text = column(
        "Attribute of the charge that names the account.", null_means="the mapping names it, or it is shared"
    )
    condition_count: Count = column("Conditions; of several that fit the mapping with the most counts.", at_least=1)
    document: Text = column("Where it stands: path and line.", example="costs.yaml:3")
