"""Contract of `usage_levels`."""

from data_contracts.meters import AGGREGATIONS
from data_contracts.usage_days import UsageDays
from data_contracts.vocabulary import Count, Day, Instant, Layout, Quantity, Table, Text, column, key, same, same_key


class UsageLevels(Table):
    """What a usage cell holds of a meter whose quantity is not the sum of its events: max, latest, unique, weighted.

    Grain: one row per usage cell (see `usage_states`) and counted value. A level that lasts has a row on each day up
    to D, also on days without events. Source: transforms.usage_levels.
    """

    layout = Layout.PER_PAYER

    account_id: Text = same_key(UsageDays.account_id)
    stated_contract_id: Text = same_key(UsageDays.stated_contract_id)
    meter: Text = same_key(UsageDays.meter)
    dimensions: Text = same_key(UsageDays.dimensions)
    value_currency: Text = same_key(UsageDays.value_currency)
    service_date: Day = same_key(UsageDays.service_date)
    slot_at: Instant = same_key(UsageDays.slot_at)
    counted_value: Text = key(
        "The value that a unique_count counts; empty for other aggregations.", example="user_0017"
    )
    slot_end_at: Instant = column(
        "End of the slot, UTC (out): up to here the level is held.", null_means="the level does not last"
    )
    aggregation: Text = column("How the meter adds up.", one_of=AGGREGATIONS[2:])
    contract_id: Text = same(UsageDays.contract_id)
    rate_set_id: Text = same(UsageDays.rate_set_id)
    suspense_rule: Text = same(UsageDays.suspense_rule)
    suspense_detail: Text = same(UsageDays.suspense_detail)
    period_microseconds: Count = column(
        "Real length of the billing period that the day is in, from its first instant to its last.", unit="microsecond"
    )
    event_count: Count = column("Events of the row that stand; 0 on a day on which nothing happened.", unit="event")
    level: Quantity = column(
        "What is held at the end of the row: the greatest value, the latest, 1 for a counted value, or the level.",
        unit="unit of the meter",
    )
    level_at: Instant = column("When the latest value was set, UTC.", null_means="the aggregation is not latest")
    level_event_id: Text = column("Event that set it.", null_means="the aggregation is not latest", example="e-000017")
    level_source: Text = column("Its source.", null_means="the aggregation is not latest", example="gateway-eu")
    weight: Quantity = column(
        "The level times the time for which it was held in the row, exactly.",
        null_means="the aggregation is not weighted_sum",
        unit="unit of the meter times microsecond",
    )
    first_delivery_date: Day = column("Delivery that brought what is held, or the first of the row's events.")
