"""Rules of the charge model graduated_percentage: a share of each band of the value, a flat for each band entered."""

from decimal import Decimal

import pytest

from tests.transforms.charge_models.priced import priced
from transforms.charge_models.graduated_percentage import graduated_percentage

# Up to 1,000 at 1 % + 2, above at 0.5 % + 1: what is due below each band, its own flat included.
FIRST = {"offset": "0", "base_amount": "2", "unit_amount": "0.01"}
SECOND = {"offset": "1000", "base_amount": "13", "unit_amount": "0.005"}  # 1000 × 1 % + 2 + 1


@pytest.mark.parametrize(
    ("quantity", "tier", "amount"),
    [
        pytest.param("0", FIRST, "2", id="the flat of band one is due at zero"),
        pytest.param("0.01", FIRST, "2.0001", id="a cent: 2 + 0.01 × 1 %"),
        pytest.param("1000", FIRST, "12", id="the bound belongs to the band below: 2 + 1000 × 1 %"),
        pytest.param("1000.01", SECOND, "13.00005", id="a cent above enters band two and its flat: 13 + 0.01 × 0.5 %"),
        pytest.param("1200", SECOND, "14", id="13 + 200 × 0.5 %"),
    ],
)
def test_each_band_of_the_value_pays_its_own_share(quantity, tier, amount):
    assert priced(graduated_percentage, quantity=quantity, **tier) == Decimal(amount)
