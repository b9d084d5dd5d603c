"""Rules of the charge model package: golden figures of semantics §8."""

from decimal import Decimal

import pytest

from tests.transforms.charge_models.priced import priced
from transforms.charge_models.package import package

TERMS = {"offset": "100", "package_size": "100", "package_round": "up", "unit_amount": "5"}


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        pytest.param("0", 0 * 5, id="zero units open no package"),
        pytest.param("100", 0 * 5, id="the free units open none"),
        pytest.param("100.01", 1 * 5, id="just above them opens the first"),
        pytest.param("200", 1 * 5, id="a full package is still one"),
        pytest.param("201", 2 * 5, id="one unit more opens the second"),
        pytest.param("-50", 0 * 5, id="a running total below zero opens none"),
    ],
)
def test_every_started_package_above_the_free_units_is_charged_in_full(quantity, amount):
    assert priced(package, quantity=quantity, **TERMS) == Decimal(amount)


@pytest.mark.parametrize(
    ("quantity", "size", "packages"),
    [
        pytest.param("1000", "1000", 1, id="a full one"),
        pytest.param("1000.000000001", "1000", 2, id="a billionth above it"),
        pytest.param("1000.000000000001", "1000000000", 1, id="the smallest quantity of a very large package"),
        pytest.param("0.3", "0.1", 3, id="tenths are tenths"),
    ],
)
def test_packages_are_counted_exactly(quantity, size, packages):
    terms = {"offset": "0", "package_size": size, "package_round": "up", "unit_amount": "1"}
    assert priced(package, quantity=quantity, **terms) == packages


@pytest.mark.parametrize(("quantity", "packages"), [("99.999999999999", 0), ("100", 1), ("199", 1), ("200", 2)])
def test_rounded_down_only_full_packages_count(quantity, packages):
    terms = {"offset": "0", "package_size": "100", "package_round": "down", "unit_amount": "5"}
    assert priced(package, quantity=quantity, **terms) == packages * 5
