"""What one book says differently from another, in plain words: for the person who approves a change of prices."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from orchestration.book.history import Chain
from orchestration.book.state import BookState
from orchestration.book.terms import BookVersion, Terms, as_instant, described, pieces, plainly, written


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a reader of the new book has to know. `starts` is the moment from which it counts."""

    what: str
    id: str
    starts: str | None
    sentence: str
    document: str

    def __str__(self) -> str:
        """Return the sentence with the place where it stands."""
        return f"{self.sentence} ({self.document})"


def differences(before: BookState, after: BookState) -> list[Difference]:
    """List what `after` says that `before` did not, by price and moment. Both are states of one history."""
    if after.book is None:
        return []
    return [
        *_new_items("product", _known(before, "products"), after.book.products, lambda item: item.name),
        *_new_items(
            "meter", _known(before, "meters"), after.book.meters, lambda item: f"{item.aggregation} of {item.unit}"
        ),
        *_new_items("exclusion", _known(before, "exclusions"), after.book.exclusions, lambda item: item.reason),
        *_prices(before, after),
        *_plans(before, after),
    ]


def _known(state: BookState, section: str) -> Mapping[str, Any]:
    return {} if state.book is None else getattr(state.book, section)


def _new_items(what: str, before: Mapping[str, Any], after: Mapping[str, Any], about: Any) -> Iterator[Difference]:
    for name, placed in after.items():
        if name not in before:
            sentence = f"{what} {name} is new: {about(placed.item)}"
            yield Difference(what, name, None, sentence, placed.place().document)


def _plans(before: BookState, after: BookState) -> Iterator[Difference]:
    known = _known(before, "plans")
    for name, placed in _known(after, "plans").items():
        had = {entry.price for entry in known[name].item.prices} if name in known else set()
        for entry in placed.item.prices:
            if entry.price not in had:
                since = "always" if entry.effective_from is None else f"{entry.effective_from}"
                sentence = f"plan {name} has the price {entry.price}, from {since}"
                starts = None if entry.effective_from is None else since
                yield Difference("plan", name, starts, sentence, placed.place().document)


def _prices(before: BookState, after: BookState) -> Iterator[Difference]:
    for (contract, price), chains in after.chains.items():
        known = before.chains.get((contract, price), {})
        owner = price if contract is None else f"{contract}/{price}"
        ordered = sorted(chains, key=as_instant)
        for place, starts in enumerate(ordered):
            said = len(known.get(starts, ()))
            for number, recorded in enumerate(chains[starts][said:], start=said):
                earlier = _replaced(chains[starts], number, [chains[each] for each in ordered[:place]])
                sentence = _sentence(owner, recorded.version, earlier, is_correction=number > 0)
                yield Difference("price", owner, written(starts), sentence, recorded.version.place.document)


def _replaced(chain: Chain, number: int, earlier: list[Chain]) -> BookVersion | None:
    """Return what a version replaces: the one that it corrects, or the standing one of the start before."""
    if number:
        return chain[number - 1].version
    return earlier[-1][-1].version if earlier else None


def _sentence(owner: str, version: BookVersion, earlier: BookVersion | None, *, is_correction: bool) -> str:
    says = described(version)
    if is_correction and earlier is not None:
        why = f"{version.reason}; approved by {version.approved_by}"
        change = _change(earlier, version)
        return f"price {owner}: the version of {written(version.starts)} is corrected to {says}{change}: {why}"
    if earlier is None:
        return f"price {owner} begins on {written(version.starts)}: {says}"
    return (
        f"price {owner} changes on {written(version.starts)} to {says}{_change(earlier, version)}; "
        f"until then {described(earlier)}"
    )


def _change(earlier: BookVersion, version: BookVersion) -> str:
    """Say by how much unit prices move, where both have the same tiers in the same currencies."""
    was, now = dict(earlier.terms), dict(version.terms)
    moved = [share for currency in now if currency in was for share in _moved(was[currency], now[currency])]
    if not moved:
        return ""
    least, most = min(moved), max(moved)
    return f" ({_percent(least)})" if least == most else f" ({_percent(least)} to {_percent(most)})"


def _moved(was: Terms, now: Terms) -> list[Fraction]:
    before, after = pieces(was), pieces(now)
    comparable = was.model == now.model and [each.up_to for each in before] == [each.up_to for each in after]
    if not comparable:
        return []
    return [
        (new.unit_amount - old.unit_amount) / old.unit_amount
        for old, new in zip(before, after, strict=True)
        if old.unit_amount
    ]


def _percent(share: Fraction) -> str:
    # A figure for reading, to a tenth of a percent; prices themselves are shown in full.
    tenths = Fraction(round(share * 1000), 10)
    return f"{'+' if tenths >= 0 else '-'}{plainly(abs(tenths))} %"
