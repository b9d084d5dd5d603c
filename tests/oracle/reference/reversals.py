"""What reversals and amendments leave of the events delivered so far."""

from collections.abc import Sequence

from tests.oracle.reference.world import Event


def after_reversals(events: Sequence[Event]) -> tuple[list[Event], dict[tuple[str, str, str], str]]:
    """What is left to rate of the events delivered so far, and the outcome of the rest, where it has one.

    A reversal names its event and cancels it whole; an amendment is a reversal and a new event; an early one waits. A
    second one is a duplicate, which is no usage and has no outcome (C41 to C43).
    """
    cancelled: dict[tuple[str, str], Event] = {}
    duplicates: set[tuple[str, str]] = set()
    for event in sorted(events, key=lambda event: event.delivery_date):  # stable: rows in the order of the file
        target = (event.source, event.reverses or event.amends)
        if target[1] is not None and target in cancelled:
            duplicates.add((event.source, event.id))
        elif target[1] is not None:
            cancelled[target] = event
    # A duplicate is not there for anybody: who amends one waits, also where it came before it.
    there = {(event.source, event.id) for event in events if event.reverses is None} - duplicates
    outcomes: dict[tuple[str, str, str], str] = {}
    left: list[Event] = []
    for event in events:
        target = (event.source, event.reverses or event.amends)
        if (event.source, event.id) in duplicates:
            continue
        if target[1] is not None and target not in there:
            outcomes[event.source, event.id, "revenue"] = "suspense:reverses_unknown"
            undone = cancelled.get((event.source, event.id))
            if undone is not None and undone.reverses is not None:  # its event is there, as an amendment that waits
                outcomes[undone.source, undone.id, "revenue"] = "reversed"
        elif event.reverses is None:
            left.append(event)
    remaining = []
    for event in left:
        if (event.source, event.id) in cancelled:
            outcomes[event.source, event.id, "revenue"] = "reversed"
            canceller = cancelled[event.source, event.id]
            if canceller.reverses is not None:
                outcomes[canceller.source, canceller.id, "revenue"] = "reversed"
        else:
            remaining.append(event)
    return remaining, outcomes
