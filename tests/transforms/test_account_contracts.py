"""Rules of `account_contracts`: under what an account is billed on which day."""

from tests.tables import texts
from tests.transforms.chain import made
from tests.transforms.worlds import accounts, company, contracts

COLUMNS = ["contract_id", "valid_from", "valid_to", "currency", "rate_set_id"]
LONG = ("2020-01-01", "9999-12-31")


def covered(account_rows, agreed, columns=COLUMNS, **tables):
    found = made("account_contracts", as_of="2026-08-31", account_rows=account_rows, contracts=agreed, **tables)
    return texts(found["account_contracts"], columns)


def test_an_account_without_a_contract_is_on_the_default_plan_for_its_whole_life():
    found = covered(accounts("account_id | valid_from\n acme | 2026-08-10"), contracts("contract_id"))
    assert found == [("default:acme", "2026-08-10", "9999-12-31", "USD", "payg|USD|UTC")]


def test_without_a_default_plan_an_account_without_a_contract_is_under_nothing():
    companies = company(default_plan_id=None)
    assert covered(accounts("account_id\n acme"), contracts("contract_id"), companies=companies) == []


def test_a_contract_covers_its_days_and_the_default_plan_stays_beside_it():
    """Half-open: a contract that ends on 1 September does not cover that day."""
    agreed = contracts(
        "contract_id | account_id | plan_id | starts_on | ends_on\n c | acme | gold | 2026-08-10 | 2026-09-01"
    )
    assert covered(accounts("account_id\n acme"), agreed, [*COLUMNS[:3], "is_default"]) == [
        ("c", "2026-08-10", "2026-09-01", "false"),
        ("default:acme", *LONG, "true"),
    ]


def test_a_contract_covers_nothing_before_its_account_is_there():
    agreed = contracts("contract_id | account_id\n c | acme")
    found = covered(accounts("account_id | valid_from\n acme | 2026-08-10"), agreed)
    assert found[0][:3] == ("c", "2026-08-10", "9999-12-31")


def test_a_contract_of_an_account_that_nobody_knows_covers_nothing():
    agreed = contracts("contract_id | account_id\n c | ghost")
    assert [row[0] for row in covered(accounts("account_id\n acme"), agreed)] == ["default:acme"]


def test_a_contract_that_ends_before_it_starts_to_hold_covers_nothing():
    """Its second state, from 20 August, says that it ended on 10 August: nothing of that state is left."""
    agreed = contracts("""
        contract_id | account_id | valid_from | valid_to   | starts_on  | ends_on
        c           | acme       | 2020-01-01 | 2026-08-20 | 2026-08-01 | 9999-12-31
        c           | acme       | 2026-08-20 | 9999-12-31 | 2026-08-01 | 2026-08-10
    """)
    found = covered(accounts("account_id\n acme"), agreed)
    assert [row[:3] for row in found if row[0] == "c"] == [("c", "2026-08-01", "2026-08-20")]


def test_states_of_contract_and_account_cut_each_other():
    """The contract moves to gold on 15 August, the account to Berlin's days on 1 September."""
    account_rows = accounts("""
        delivery_date | account_id | time_zone     | valid_from
        2026-08-01    | acme       | UTC           | 2020-01-01
        2026-08-02    | acme       | Europe/Berlin | 2026-09-01
    """)
    agreed = contracts("""
        contract_id | account_id | valid_from | valid_to   | plan_id
        c           | acme       | 2020-01-01 | 2026-08-15 | payg
        c           | acme       | 2026-08-15 | 9999-12-31 | gold
    """)
    found = covered(
        account_rows, agreed, ["valid_from", "valid_to", "rate_set_id"], companies=company(default_plan_id=None)
    )
    assert found == [
        ("2020-01-01", "2026-08-15", "payg|USD|UTC"),
        ("2026-08-15", "2026-09-01", "gold|USD|UTC"),
        ("2026-09-01", "9999-12-31", "gold|USD|Europe/Berlin"),
    ]


def test_a_contract_is_billed_in_its_currency_else_in_the_accounts():
    agreed = contracts("contract_id | account_id | currency\n own | acme | JPY\n none | acme | null")
    found = covered(accounts("account_id | currency\n acme | EUR"), agreed, ["contract_id", "currency", "rate_set_id"])
    assert found == [
        ("default:acme", "EUR", "payg|EUR|UTC"),
        ("none", "EUR", "payg|EUR|UTC"),
        ("own", "JPY", "payg|JPY|UTC"),
    ]


def test_only_a_contract_with_prices_of_its_own_has_a_rate_set_of_its_own():
    agreed = contracts("contract_id | account_id | has_overrides\n own | acme | true\n none | acme | false")
    found = covered(accounts("account_id\n acme"), agreed, ["contract_id", "rate_set_id"])
    assert found == [("default:acme", "payg|USD|UTC"), ("none", "payg|USD|UTC"), ("own", "payg|USD|UTC|own")]


def test_payer_and_entity_are_those_of_the_account_on_the_day():
    account_rows = accounts("""
        delivery_date | account_id | parent_account_id | legal_entity_id | valid_from
        2026-08-01    | group      | null              | us              | 2020-01-01
        2026-08-01    | acme       | null              | us              | 2020-01-01
        2026-08-02    | acme       | group             | gmbh            | 2026-08-10
    """)
    agreed = contracts("contract_id | account_id\n c | acme")
    found = covered(account_rows, agreed, ["contract_id", "valid_from", "valid_to", "payer_id", "legal_entity_id"])
    assert [row for row in found if row[0] == "c"] == [
        ("c", "2020-01-01", "2026-08-10", "acme", "us"),
        ("c", "2026-08-10", "9999-12-31", "group", "gmbh"),
    ]
