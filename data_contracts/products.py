"""Contract of `products`."""

from data_contracts.vocabulary import Table, Text, column, key


class Products(Table):
    """Something that is sold. Undated. Grain: one row per product. Source: orchestration.book."""

    product_id: Text = key("Id of the product.", example="api")
    product_name: Text = column("Name of the product.", example="API tokens")
    revenue_account: Text = column("General-ledger account of its revenue.", null_means="not given", example="4000")
    cost_basis: Text = column(
        "Which cost counts in its margin: that of cost prices (modelled) or that of providers' bills (actual).",
        one_of=("modelled", "actual"),
    )
