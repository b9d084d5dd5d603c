"""The cloud bill of the demo company: made figures as a provider exports them, FOCUS 1.0 and, since October, 1.3.

Planted in it, and counted: a bill that is wrong and delivered again, a row that intake refuses, a credit, and a support
plan that no mapping claims.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from orchestration.demo.calendar import day_number
from orchestration.demo.truth import DatasetTruth

BILL_FILE = "northcloud_focus.csv"
PROVIDER = "Northcloud"
# Which month is billed when, and through which day: September twice, because the first time it was wrong.
BILLS = {
    date(2026, 9, 2): (date(2026, 8, 1), date(2026, 8, 31)),
    date(2026, 10, 2): (date(2026, 9, 1), date(2026, 9, 30)),
    date(2026, 10, 6): (date(2026, 9, 1), date(2026, 9, 30)),
    date(2026, 10, 31): (date(2026, 10, 1), date(2026, 10, 30)),
}
WRONG = date(2026, 10, 2)
FIRST_OF_FOCUS_1_3 = date(2026, 10, 6)
MICRO = 1_000_000
# Merchants whose card acquiring the provider bills apart, with about what a day of it costs in dollars.
MERCHANTS = {"acct_001": 26, "acct_036": 40, "acct_050": 19, "acct_085": 24, "acct_120": 33, "acct_176": 30}
SUPPORT_PLAN, CREDIT = 400 * MICRO, -250 * MICRO
NULL = "NULL"

Charge = dict[str, str]


def bill_file(delivery: date) -> bytes:
    """Return the bill of a delivery as text."""
    rows = [*_charges(delivery), *_bad_charges(delivery)]
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    return "".join(",".join(_quoted(cell) for cell in line) + "\n" for line in lines).encode()


def costs_truth() -> DatasetTruth:
    """Count what becomes of every charge."""
    accepted = sum(len(list(_charges(delivery))) for delivery in BILLS)
    rejected = sum(len(list(_bad_charges(delivery))) for delivery in BILLS)
    return DatasetTruth(
        files=len(BILLS), landed_rows=accepted + rejected, accepted_rows=accepted, rejected_rows=rejected
    )


def standing_cost() -> Decimal:
    """Return what the provider bills in all bills that stand at the end of the quarter."""
    return sum(
        (Decimal(charge["BilledCost"]) for delivery in BILLS if delivery != WRONG for charge in _charges(delivery)),
        Decimal(0),
    )


def _charges(delivery: date) -> Iterator[Charge]:
    month, last = BILLS[delivery]
    yield _charge(delivery, month, last, "Support", "Business support", SUPPORT_PLAN, category="Purchase")
    each = month
    while each <= last:
        # The first bill of September charges the machines of its last week twice.
        twice = 2 if delivery == WRONG and each.day > 23 else 1
        machines = twice * _micro(each, "machines", base=150, growth=900_000)
        yield _charge(delivery, each, each, "Compute", "GPU machines", machines, team="language-api")
        disks = _micro(each, "disks", base=88, growth=500_000)
        yield _charge(delivery, each, each, "Storage", "Object store", disks, team="object-storage")
        for account, share in MERCHANTS.items():
            fees = _micro(each, account, base=share, growth=share * 5_000)
            yield _charge(delivery, each, each, "Other", "Card acquiring", fees, sub_account=account)
        each += timedelta(days=1)
    yield _charge(delivery, last, last, "Compute", "GPU machines", CREDIT, category="Credit", team="language-api")


def _bad_charges(delivery: date) -> Iterator[Charge]:
    if delivery == WRONG:
        month, last = BILLS[delivery]
        yield _charge(delivery, month, last, "Compute", "GPU machines", 0, team="language-api") | {"BilledCost": "n/a"}


def _micro(on: date, stream: str, *, base: int, growth: int) -> int:
    """What a day costs, in millionths: a level that grows, and up to 6 % around it, from one multiplication."""
    level = base * MICRO + growth * day_number(on)
    swing = (day_number(on) * 7919 + sum(stream.encode())) % 121 - 60
    return level + level * swing // 1_000


def _charge(
    delivery: date,
    first: date,
    last: date,
    kind: str,
    service: str,
    micro: int,
    *,
    category: str = "Usage",
    sub_account: str = NULL,
    team: str | None = None,
) -> Charge:
    month, _ = BILLS[delivery]
    cost = f"{Decimal(micro) / MICRO:.6f}"
    listed = f"{Decimal(micro) * 5 / 4 / MICRO:.6f}"
    provider = {"ProviderName": PROVIDER}
    added = {"ServiceProviderName": PROVIDER, "HostProviderName": PROVIDER} if delivery >= FIRST_OF_FOCUS_1_3 else {}
    return {
        "BilledCost": cost,
        "BillingAccountId": "nc-4711",
        "BillingAccountName": "Halden Compute",
        "BillingCurrency": "USD",
        "BillingPeriodEnd": f"{(month + timedelta(days=31)).replace(day=1)} 00:00:00",
        "BillingPeriodStart": f"{month} 00:00:00",
        "ChargeCategory": category,
        "ChargeClass": NULL,
        "ChargeDescription": f"{service} of {first}",
        "ChargePeriodEnd": f"{last + timedelta(days=1)} 00:00:00",
        "ChargePeriodStart": f"{first} 00:00:00",
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "ListCost": listed,
        **provider,
        **added,
        "ServiceCategory": kind,
        "ServiceName": service,
        "SubAccountId": sub_account,
        "Tags": NULL if team is None else f'{{"team": "{team}"}}',
    }


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if '"' in cell else cell
