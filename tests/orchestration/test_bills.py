"""Bills of several deliveries: mapped together or one delivery at a time, what stands is the same."""

from datetime import date

import pytest

from data_contracts import Costs
from orchestration import build as builds
from orchestration.build import open_build
from orchestration.intake import snapshot_through
from tests.orchestration.tiny import land, put
from transforms.costs import costs
from transforms.standing_bills import standing_bills

HEADER = (
    "ProviderName,BillingAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceName,BilledCost,ListCost,ContractedCost,EffectiveCost\n"
)
LAST = date(2026, 9, 3)


def bill(month: str, *costs: str) -> str:
    period = f"2026-{month}-01,2026-{int(month) + 1:02d}-01"
    return HEADER + "".join(f"AWS,b,USD,{period},{period},Usage,Compute,{cost},1,1,1\n" for cost in costs)


@pytest.fixture
def settings(tmp_path):
    found = land(tmp_path)
    put(tmp_path, "costs/2026-09-01/aws.csv", bill("07", "1", "2"))
    put(tmp_path, "costs/2026-09-02/aws.csv", bill("08", "4"))
    put(tmp_path, "costs/2026-09-03/aws.csv", bill("07", "8"))
    snapshot_through(found, LAST)
    return found


@pytest.mark.parametrize(
    ("charge_bytes", "parts"), [pytest.param(1, 1, id="whole"), pytest.param(2**40, 3, id="apart")]
)
def test_the_bills_that_stand_are_the_same_however_deliveries_are_batched(settings, monkeypatch, charge_bytes, parts):
    monkeypatch.setattr(builds, "BYTES_PER_CHARGE", charge_bytes)
    build = open_build(settings, LAST)
    build.make_book()
    build.make(standing_bills)
    # August stands as it came first, July as it came last: 4 and 8, not 1 and 2.
    assert build.make(costs) == 2
    assert len(build.files(Costs)) == parts
    assert sorted(build.frame(Costs).collect()["billed_cost"].to_list()) == [4, 8]
