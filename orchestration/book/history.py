"""How a version lives through deliveries: it is never edited; a correction supersedes it, and both are kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from orchestration.book.problems import Place, Problem
from orchestration.book.terms import BookVersion, described, in_order, written


@dataclass(frozen=True, slots=True)
class Recorded:
    """A version with the delivery that first brought it."""

    version: BookVersion
    recorded_on: date


# What was ever said about one start of one price: the first version, then its corrections; the last one stands.
Chain = tuple[Recorded, ...]
Chains = Mapping[date | datetime, Chain]


def continued(
    known: Chains, found: Iterable[BookVersion], delivery_date: date, owner: Place
) -> tuple[dict[date | datetime, Chain], list[Problem]]:
    """Continue what is known of a price with what a delivery says about it.

    Rule: a known version stands as it is until a correction says `supersedes`; a superseded one may leave the
    document. Refuses: a version whose content changed, a standing version that vanished, a correction of nothing.
    """
    said: dict[date | datetime, list[BookVersion]] = {}
    for version in in_order(list(found)):
        said.setdefault(version.starts, []).append(version)
    chains, problems = dict(known), []
    for starts, versions in said.items():
        chain, found_problems = _continued_chain(known.get(starts, ()), versions, delivery_date)
        chains[starts] = chain
        problems.extend(found_problems)
    for starts, chain in known.items():
        if starts not in said:
            problems.append(_vanished(chain, owner))
    return chains, problems


def _continued_chain(known: Chain, versions: list[BookVersion], delivery_date: date) -> tuple[Chain, list[Problem]]:
    first = next((version for version in versions if not version.is_correction), None)
    corrections = [version for version in versions if version.is_correction]
    if not known and first is None:
        message = f"there is no version of {written(corrections[0].starts)} to supersede."
        remedy = "Write the effective_from of the version that it corrects."
        return (), [corrections[0].place.problem("unknown_reference", message, remedy)]
    problems = []
    if known and first is not None and not first.says_the_same(known[0].version):
        problems.append(_changed(known, first))
    chain = list(known) if known or first is None else [Recorded(first, delivery_date)]
    matched, position = set(), 1
    for correction in corrections:
        # Known corrections are met in their order; the first one that is new, and all behind it, is added.
        at = next((n for n in range(position, len(known)) if correction.says_the_same(known[n].version)), None)
        if at is not None:
            matched.add(at)
            position = at + 1
        else:
            position = len(known)
            chain.append(Recorded(correction, delivery_date))
    stands = len(known) - 1
    is_present = stands in matched or (stands == 0 and first is not None)
    if known and not is_present and len(chain) == len(known):
        problems.append(_vanished(known, versions[0].place))
    return tuple(chain), problems


def _changed(known: Chain, found: BookVersion) -> Problem:
    standing = known[0]
    message = (
        f"the version of {written(found.starts)} is known since the delivery of {standing.recorded_on} "
        f"({standing.version.place.document}) as {described(standing.version)}; now it says {described(found)}."
    )
    return found.place.problem("version_changed", message, _how_to_correct(found))


def _vanished(known: Chain, owner: Place) -> Problem:
    standing = known[-1]
    message = (
        f"the version of {written(standing.version.starts)} ({described(standing.version)}), known since the delivery "
        f"of {standing.recorded_on} ({standing.version.place.document}), is gone."
    )
    return owner.problem("version_vanished", message, _how_to_correct(standing.version))


def _how_to_correct(version: BookVersion) -> str:
    starts = written(version.starts)
    return (
        f"Put it back. To correct it, add beside it a version {{supersedes: {starts}, reason: ..., approved_by: ..., "
        "and the new terms}; for a new price from a later day, add a version with that effective_from."
    )
