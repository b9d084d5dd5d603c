"""What became of each case: the lane that answers it, and how. One row per case in outcomes.csv.

`python -m tests.conformance.outcomes SHARED` writes the file anew: it runs every case that the adapter can land through
one night, asks the functions, and names for each other case what it would need.
"""

import csv
import sys
import tempfile
from pathlib import Path

from tests.conformance import adapter, functions, world
from tests.conformance.cases import Case, read_cases

OUTCOMES = Path(__file__).parent / "outcomes.csv"
NIGHT, FUNCTION, LATER, NONE = "night", "function", "later", "none"
REPRODUCED, DIFFERENT, INCONSISTENT = "reproduced", "different", "inconsistent source"
# What we do not offer, by what the case is about.
NOT_OFFERED = {
    "kb_blocks": "packages of another size in each tier",
    "capacity": "one tier for several meters together, by the highest that one of them reaches",
    "window_commitment": "commitments by hour or day",
    "daily_free": "free units by the day inside a billing period",
    "prorated_graduated": "units that count in tiers in full and are charged by the days that they were held",
    "prorated_sum": "units by the days that they were held, rounded up at five decimals",
    "prorated_unique": "values by the days that they were held, rounded up at five decimals",
    "round": "quantities rounded to tens or hundreds of units",
}
NOT_OFFERED_CASES = {
    "flexprice/matrix/time-of-day price override": "commitments by hour or day",
    "lago/multi_period/negative carry then positive": "units that count in tiers in full and are charged by the days",
    "lago/per_unit/effective unit amount by full units": "a unit price shown by the units of all periods",
    "lago/per_unit/priced in credits, converted to EUR": "prices in units of their own instead of a currency",
    "lago/per_unit/pricing unit zero usage": "prices in units of their own instead of a currency",
    "lago/proration/day count Europe/Paris september": "days of an invoice counted between two instants",
    "lago/volume/prorated quantity, tier chosen by full units": "a tier chosen by other units than are charged",
    "openmeter/proration/flat fee service longer than the full period": "a part of a period that is longer than it",
    "openmeter/proration/flat fee zero length service period": "a part of a period that is longer than it",
    "stripe_docs/rounding/minor units": "minor units of a payment interface: those of ISO 4217 are the book's",
    "stripe_docs/rounding/unit_amount_decimal 105.5 cents": "prices in cents: they are written in the currency",
}
THIRTY_DAYS = "periods of thirty days"
# What a coming issue brings.
OF_EVAL = {
    **dict.fromkeys(("cap_credit", "wallet_simple", "wallets", "wallet_tax", "credits_lines", "grants"), "credits"),
    **dict.fromkeys(("discount", "coupon", "coupons_restricted", "discount_tax"), "discounts"),
    **dict.fromkeys(("tax", "taxes", "taxes_repeat", "tax_incl_excl", "tax_lines_incl", "incl_round"), "tax"),
    "invoice_lines": "tax",
    "kb_amount": "proration of a recurring charge over several periods",
    "kb_cycles": "proration of a recurring charge over several periods",
    "kb_missing": "corrections of what was billed before",
    "kb_blocks": "corrections of what was billed before",
    "second_credit": "credits for the unused part of a period",
    "second_credits": "credits for a part of a period",
    "cumulative_commitment": "commitments",
    "true_up_plan": "a plan's minimum and recurring charge for a part of a period",
    "ratio": "tax on a prorated charge",
}
OF_KIND = {"revrec": "revenue recognition", "credit_drawdown": "credits", "discount": "discounts"}
OF_KIND |= {
    "invoice_total": "tax, discounts and credits of an invoice",
    "multi_period": "commitments",
    "rounding": "tax",
}
WHY_DIFFERENT = {
    "openmeter/flat/in arrears, middle part of a split period": "a flat amount is a line of its first active day; only "
    "the document waits for the period's end",
    "openmeter/volume/middle of period bills nothing": "usage is charged on its day and repriced by the running total; "
    "only the document waits for the period's end",
}


def read_outcomes() -> dict[str, dict[str, str]]:
    """Read the rows by the id of their case."""
    with OUTCOMES.open(newline="", encoding="utf-8") as file:
        return {row["case_id"]: row for row in csv.DictReader(file)}


def lane_of(case: Case) -> str:
    """Return which lane answers a case."""
    if adapter.is_for_a_night(case):
        return NIGHT
    if functions.is_for_a_function(case):
        return FUNCTION
    return NONE if _not_offered(case) else LATER


def agrees(figure: adapter.Stated, place: int, found: world.Found) -> bool:
    """Whether a stated figure is the exact or the rounded one: sources state either, and say which by its digits."""
    return figure.values in (found.exact[place], found.rounded[place])


def agrees_in_all(case: Case, found: world.Found) -> bool:
    """Whether every stated figure of a case is found."""
    return all(agrees(figure, place, found) for place, figure in enumerate(adapter.stated(case)))


def write_outcomes(shared: Path, home: Path) -> None:
    """Run the cases and write what became of each."""
    cases = read_cases(shared)
    by_lane = {lane: [case for case in cases if lane_of(case) == lane] for lane in (NIGHT, FUNCTION)}
    nights = world.rated(by_lane[NIGHT], home)
    answers = functions.answered(by_lane[FUNCTION])
    same = {case.id for case in by_lane[NIGHT] if agrees_in_all(case, nights[case.id])}
    same |= {case.id for case in by_lane[FUNCTION] if answers[case.id] == functions.stated(case)}
    with OUTCOMES.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("case_id", "lane", "state", "reason"))
        rows.writerows(_row(case, is_same=case.id in same) for case in cases)


def _row(case: Case, *, is_same: bool) -> tuple[str, str, str, str]:
    lane = lane_of(case)
    if lane == NONE:
        return case.id, lane, "", f"missing: {_not_offered(case)}"
    if lane == LATER:
        needs = OF_EVAL.get(str(case.eval)) or OF_KIND[case.kind]
        return case.id, lane, INCONSISTENT if case.flag else "", f"needs {needs}"
    return case.id, lane, REPRODUCED if is_same else DIFFERENT, "" if is_same else WHY_DIFFERENT[case.id]


def _not_offered(case: Case) -> str | None:
    if case.price.get("billing_period") == functions.THIRTY_DAYS:
        return THIRTY_DAYS
    if case.eval == "kb_blocks" and "billed_before" in case.input:
        return None
    return NOT_OFFERED_CASES.get(case.id) or NOT_OFFERED.get(str(case.eval))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        write_outcomes(Path(sys.argv[1]), Path(folder))
