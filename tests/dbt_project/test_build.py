"""The tiny night, built by dbt: what readers find in it."""

from decimal import Decimal


def test_everything_ties_out(night):
    failed = night.ask("select check_name, scope, left_amount, right_amount from audit.aud_reconciliation where not is_passed")
    assert failed == []
