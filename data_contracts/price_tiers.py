"""Contract of `price_tiers`."""

from data_contracts.vocabulary import Count, ExactAmount, Quantity, Table, Text, UnitPrice, column, key


class PriceTiers(Table):
    """One linear piece of a cumulative price: R(x) = base_amount + (x - offset) * unit_amount, x after free units.

    Grain: one row per price version, currency and tier; a per_unit, flat or package price has one. A tier holds for
    lower_bound < x <= up_to, the first one for everything below, too. Tier 0 is where x is zero and the flat of tier 1
    not due (`flat_on_zero: none`). Of a package price x - offset is counted in packages.
    Source: orchestration.book.
    """

    price_version_id: Text = key("Version that the tier belongs to.", example="api_requests@2026-08-01")
    currency: Text = key("ISO 4217 code of the amounts.", example="USD")
    tier: Count = key("Number of the tier, from 1; 0 for what holds at zero alone.")
    lower_bound: Quantity = column("Exclusive lower bound; -1 for the first, so that 0 belongs to it.", unit="unit")
    up_to: Quantity = column("Inclusive upper bound.", null_means="no bound", unit="unit of the meter")
    offset: Quantity = column(
        "What is taken off x before it is multiplied: the bound below, 0 for volume, free units of a package."
    )
    unit_amount: UnitPrice = column(
        "Price of one unit in the tier, or of one package, correct to 24 places.", unit="currency"
    )
    flat_amount: UnitPrice = column("Flat amount of the tier itself.", unit="currency")
    base_amount: ExactAmount = column("Everything due below the tier and the flats entered so far.", unit="currency")
    package_size: Quantity = column("Units in a package.", null_means="units are not packed", unit="unit of the meter")
    package_round: Text = column(
        "Whether a started package counts.", null_means="units are not packed", one_of=("up", "down")
    )
