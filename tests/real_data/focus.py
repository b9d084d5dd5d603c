"""A thousand real charges of three providers, as published: one file, no other input but a book that maps it."""

from datetime import date
from pathlib import Path

from tests.real_data.landing import land_accounts, land_for_feed, land_json, read_text_csv

DELIVERY = date(2024, 10, 2)
PROVIDERS = ("AWS", "Microsoft", "Oracle")
SAMPLE = "data/billed/focus_1_0_sample_1000.csv.gz"


def land(shared: Path, home: Path) -> None:
    """Land the file unchanged, by its feed; each provider is a product, each sub-account an account."""
    land_for_feed(shared / SAMPLE, home, "focus", DELIVERY)
    land_accounts(sub_accounts(shared), home / "landing", DELIVERY, currency="USD")
    land_json(price_book(), home / "landing", "price_book", DELIVERY, "costs.json")


def sub_accounts(shared: Path) -> list[str]:
    """Return the ids of the sub-accounts that are charged."""
    return read_text_csv(shared / SAMPLE)["SubAccountId"].unique().to_list()


def price_book() -> dict[str, object]:
    """A book without prices: what is billed belongs to the product of its provider and to the sub-account it names."""
    return {
        "company": {"name": "SunBird", "reporting_currency": "USD"},
        "products": [{"id": name.lower(), "name": name} for name in PROVIDERS],
        "cost_mapping": [
            {"id": name, "where": {"provider": name}, "product": name.lower(), "account_from": "sub_account"}
            for name in PROVIDERS
        ],
    }
