"""Contract of `usage_slots`."""

from data_contracts.vocabulary import Instant, Table, Text, key


class UsageSlots(Table):
    """An instant inside a local day at which a price of the meter changes, so that the day's usage must be kept apart.

    Grain: one row per rate set, meter and instant. Days without such an instant are one slot. Source:
    transforms.usage_slots.
    """

    rate_set_id: Text = key("Rate set in which it changes.", example="payg/USD/UTC")
    meter: Text = key("Meter whose price changes.", example="api_requests")
    slot_at: Instant = key("Start of the slot, UTC.")
