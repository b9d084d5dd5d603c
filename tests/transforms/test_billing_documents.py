"""What goes on invoices and credit notes, when they are issued and under which number: checked against hand-made tables."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from data_contracts import (
    Accounts,
    Actions,
    BillableLines,
    BillingDocumentLines,
    BillingDocuments,
    Companies,
    Contracts,
    IssuedDocuments,
    IssuedLines,
    Issues,
    LegalEntities,
    LineItems,
    PriceVersions,
    UsageOutcomes,
)
from data_contracts.validation import validate
from tests.tables import rows
from transforms.billable_lines import billable_lines
from transforms.billing_document_lines import billing_document_lines
from transforms.billing_documents import billing_documents
from transforms.issue_calendar import days_of_issue

OCTOBER = {"billing_period_start": "2026-10-01", "billing_period_end": "2026-11-01"}
WHO = {"legal_entity_id": "us", "currency": "USD", "price_currency": "USD", "product_id": "api", "dimensions": "{}"}
ENTITIES = rows(LegalEntities, "legal_entity_id | invoice_prefix\nus | US\neu | EU", currency="USD", country="US")


class Books:
    """Nights of a company whose lines are given by hand; what a night issues is in the log of the next."""

    def __init__(self, *, issues_from: str | None = "2026-10-01", grace_days: str = "0", **given: pl.LazyFrame) -> None:
        self.company = rows(Companies, issues_from=issues_from, grace_days=grace_days)
        self.log = {table: table.empty() for table in (IssuedLines, IssuedDocuments, Issues)}
        self.given = given

    def night(self, day: str, lines: str, *, issues_all: bool = False) -> dict[str, tuple]:
        """Run a night over billable lines; return (status, number, date, amount) of each document."""
        earned = rows(
            BillableLines,
            lines,
            **{**WHO, "contract_id": "c", "charge_kind": "usage", "rated_line_count": "1", "terms_id": "t"},
        )
        log = {table: frame.lazy() for table, frame in self.log.items()}
        self.lines = validate(
            BillingDocumentLines, billing_document_lines(earned, log[IssuedLines], log[IssuedDocuments]).collect()
        )
        documents = validate(
            BillingDocuments,
            billing_documents(
                self.lines.lazy(),
                log[IssuedDocuments],
                log[Issues],
                self.given.get("usage_outcomes", UsageOutcomes.empty().lazy()),
                self.given.get("accounts", rows(Accounts, "account_id | payer_id\na | a\nb | b", net_terms_days="30")),
                self.given.get("contracts", Contracts.empty().lazy()),
                self.company,
                ENTITIES,
                self.given.get("actions", Actions.empty().lazy()),
                as_of=date.fromisoformat(day),
                issues_all=issues_all,
            ).collect(),
        )
        tonight = documents.filter(pl.col("status") == "issued").join(
            self.log[IssuedDocuments], on="document_id", how="anti"
        )
        contracts = self.given.get("contracts", Contracts.empty().lazy())
        through = date.fromisoformat(day)
        if tonight.height or days_of_issue(
            contracts, self.company, after=self.log[Issues]["issued_as_of"].max(), through=through
        ):
            number = self.log[Issues].height + 1
            issue = [(number, through, tonight.height)]
            of_tonight = {
                IssuedDocuments: tonight,
                IssuedLines: self.lines.join(tonight, on="document_id", how="semi"),
                Issues: pl.DataFrame(issue, schema=Issues.schema(), orient="row"),
            }
            self.log = {table: pl.concat([self.log[table], frame]) for table, frame in of_tonight.items()}
        told = documents.select("document_id", "status", "document_number", "document_date", "amount").rows()
        return {
            document_id.removeprefix("us:"): (status, number, day.isoformat(), f"{amount.normalize():f}")
            for document_id, status, number, day, amount in told
        }


def october(*amounts: str, payer: str = "a") -> str:
    """Lines of October, one price per amount."""
    return lines(*((payer, f"p{place}", "2026-10-01", "2026-11-01", amount) for place, amount in enumerate(amounts)))


def lines(*given: tuple[str, ...]) -> str:
    """Billable lines: payer, price, period from and to, amount."""
    text = [" | ".join((payer, *rest, amount, amount, amount)) for payer, *rest, amount in given]
    names = "payer_id | price_id | billing_period_start | billing_period_end | amount | amount_reporting | quantity"
    return (
        "\n".join((names, *text))
        .replace("payer_id", "account_id | payer_id", 1)
        .replace("\na |", "\na | a |")
        .replace("\nb |", "\nb | b |")
    )


OCTOBER_OF_A = "a:USD:2026-10-01"


def test_a_period_is_invoiced_once_it_has_ended_and_only_once() -> None:
    books = Books()
    assert books.night("2026-10-31", october("60", "40")) == {OCTOBER_OF_A: ("draft", None, "2026-11-01", "100")}
    issued = {OCTOBER_OF_A: ("issued", "US-2026-000001", "2026-11-01", "100")}
    assert books.night("2026-11-01", october("60", "40")) == issued
    assert books.night("2026-11-02", october("60", "40")) == issued
    assert books.night("2026-12-01", october("60", "40")) == issued


def test_days_of_grace_are_waited_for_the_contracts_own_before_the_companys() -> None:
    own = rows(Contracts, "contract_id | grace_days | valid_from\nc | 5 | 2026-01-01\nc | 9 | 2026-11-01")
    for given, due in (({}, "2026-11-04"), ({"contracts": own}, "2026-11-06")):
        books = Books(grace_days="3", **given)
        day_before = date.fromisoformat(due).replace(day=int(due[-2:]) - 1).isoformat()
        assert books.night(day_before, october("1"))[OCTOBER_OF_A] == ("draft", None, due, "1")
        assert books.night(due, october("1"))[OCTOBER_OF_A][0] == "issued"


def test_numbers_go_on_without_a_gap_in_each_legal_entity_kind_and_year() -> None:
    books = Books()
    both = f"{october('1', payer='b')}\n{october('2').splitlines()[1]}"
    assert [number for _, number, _, _ in books.night("2026-11-01", both).values()] == [
        "US-2026-000001",
        "US-2026-000002",
    ]
    december = "2026-12-01 | 2027-01-01"
    more = f"{both}\n" + lines(("a", "p0", *december.split(" | "), "3")).splitlines()[1]
    # Issued on 1 January: the number is of the year that the document is of.
    assert books.night("2027-01-01", more)["a:USD:2026-12-01"][1] == "US-2027-000001"


def test_a_period_without_any_amount_stays_a_draft_until_it_has_one() -> None:
    books = Books()
    assert books.night("2026-11-01", october("0"))[OCTOBER_OF_A][:2] == ("draft", None)
    # Usage that came late is billed on the next day of issue, not in between.
    assert books.night("2026-11-15", october("7"))[OCTOBER_OF_A][:2] == ("draft", None)
    assert books.night("2026-12-01", october("7"))[OCTOBER_OF_A][:2] == ("issued", "US-2026-000001")


def test_less_than_was_issued_is_a_credit_note_of_the_difference() -> None:
    books = Books()
    books.night("2026-11-01", october("60", "40"))
    credit = f"{OCTOBER_OF_A}:credit_note:1"
    found = books.night("2026-11-20", october("50", "41"))
    assert found[credit] == ("draft", None, "2026-12-01", "-9")  # 50 - 60 and 41 - 40
    assert books.night("2026-12-01", october("50", "41"))[credit] == ("issued", "US-C-2026-000001", "2026-12-01", "-9")
    of_note = books.lines.filter(document_id=f"us:{credit}").select(
        "amount", "corrects_document_id", "corrects_line_no"
    )
    assert of_note.rows() == [(Decimal(-10), f"us:{OCTOBER_OF_A}", 1), (Decimal(1), f"us:{OCTOBER_OF_A}", 2)]
    # What is credited is not owed again: the next difference is to the sum of both.
    again = books.night("2027-01-01", october("50", "40"))
    assert again[f"{OCTOBER_OF_A}:credit_note:2"] == ("issued", "US-C-2027-000001", "2027-01-01", "-1")
    assert again[OCTOBER_OF_A][3] == "100"


def test_more_than_was_issued_is_a_line_of_the_next_invoice() -> None:
    books = Books()
    books.night("2026-11-01", october("100"))
    both = f"{october('115')}\n" + lines(("a", "p0", "2026-11-01", "2026-12-01", "30")).splitlines()[1]
    assert books.night("2026-12-01", both)["a:USD:2026-11-01"] == ("issued", "US-2026-000002", "2026-12-01", "45")
    found = books.lines.filter(document_id="us:a:USD:2026-11-01").select(
        "line_no", "amount", "billing_period_start", "corrects_document_id"
    )
    assert found.rows() == [
        (1, Decimal(30), date(2026, 11, 1), None),
        (2, Decimal(15), date(2026, 10, 1), f"us:{OCTOBER_OF_A}"),
    ]


def test_more_than_was_issued_is_an_invoice_of_its_own_when_no_other_will_come() -> None:
    books = Books()
    books.night("2026-11-01", october("100"))
    assert books.night("2026-12-01", october("115"))[f"{OCTOBER_OF_A}:invoice:1"] == (
        "issued",
        "US-2026-000002",
        "2026-12-01",
        "15",
    )


def test_a_line_that_moved_to_another_payer_is_credited_to_the_one_and_billed_to_the_other() -> None:
    books = Books()
    books.night("2026-11-01", october("100"))
    found = books.night("2026-12-01", october("100", payer="b"))
    assert found[f"{OCTOBER_OF_A}:credit_note:1"][3] == "-100"
    assert found["b:USD:2026-10-01"] == ("issued", "US-2026-000002", "2026-12-01", "100")


def test_without_a_rule_nothing_is_issued_but_by_the_command() -> None:
    books = Books(issues_from=None)
    assert books.night("2026-11-05", october("100"))[OCTOBER_OF_A] == ("draft", None, "2026-11-01", "100")
    assert books.night("2026-11-05", october("100"), issues_all=True)[OCTOBER_OF_A][0] == "issued"


def test_what_was_due_before_the_rule_holds_is_not_issued_by_it() -> None:
    books = Books(issues_from="2026-11-02")
    assert books.night("2026-12-01", october("100"))[OCTOBER_OF_A][0] == "draft"


def test_an_older_night_issues_nothing_once_a_later_one_has() -> None:
    books = Books()
    books.night("2026-12-01", october("0"))
    assert books.night("2026-11-01", october("5"))[OCTOBER_OF_A][0] == "draft"


@pytest.fixture
def waiting() -> pl.LazyFrame:
    return rows(
        UsageOutcomes,
        "account_id | service_date | rule\na | 2026-10-31 | amount_bound",
        kind="revenue",
        outcome="suspense",
    )


def test_a_payer_with_usage_that_cannot_be_rated_is_parked_and_the_others_are_billed(waiting: pl.LazyFrame) -> None:
    both = f"{october('1', payer='b')}\n{october('2').splitlines()[1]}"
    found = Books(usage_outcomes=waiting).night("2026-11-01", both)
    assert found[OCTOBER_OF_A][:2] == ("parked", None)
    assert found["b:USD:2026-10-01"][:2] == ("issued", "US-2026-000001")


def test_a_parked_invoice_goes_out_when_it_is_released_by_name(waiting: pl.LazyFrame) -> None:
    released = rows(Actions, action="release", target=f"parked/us:{OCTOBER_OF_A}")
    found = Books(usage_outcomes=waiting, actions=released).night("2026-11-01", october("2"))
    assert found[OCTOBER_OF_A][:2] == ("issued", "US-2026-000001")


def test_an_invoice_without_a_reporting_amount_is_parked_and_cannot_be_released() -> None:
    unknown = october("2").replace("| 2 | 2 | 2", "| 2 | null | 2")
    released = rows(Actions, action="release", target=f"parked/us:{OCTOBER_OF_A}")
    for given in ({}, {"actions": released}):
        assert Books(**given).night("2026-11-01", unknown)[OCTOBER_OF_A][0] == "parked"


def test_versions_with_equal_terms_are_one_line_and_cost_is_none() -> None:
    versions = rows(
        PriceVersions,
        """
        price_version_id | terms_id | unit_amount
        t@00             | t@00     | 0.1176
        t@01             | t@01     | 0.672
        t@02             | t@00     | 0.1176
        """,
        currency="GBP",
    )
    items = rows(
        LineItems,
        """
        line_item_id | price_version_id | kind    | service_date | quantity | amount | amount_reporting
        1            | t@00             | revenue | 2026-10-01   | 10       | 1.17   | 1.57
        2            | t@01             | revenue | 2026-10-01   | 1        | 0.67   | null
        3            | t@02             | revenue | 2026-10-31   | 5        | 0.59   | 0.79
        4            | t@00             | cost    | 2026-10-01   | 10       | 9.99   | 13.3
        """,
        **{**OCTOBER, **WHO, "currency": "GBP", "price_currency": "GBP", "account_id": "a", "payer_id": "a"},
    )
    found = validate(BillableLines, billable_lines(items, versions).collect())
    names = ["terms_id", "service_period_start", "service_period_end", "quantity", "unit_price", "amount"]
    # 10 + 5, 1.17 + 0.59 and 1.57 + 0.79; what has no rate is unknown
    assert found.select(*names, "amount_reporting", "rated_line_count").rows() == [
        ("t@00", date(2026, 10, 1), date(2026, 11, 1), 15, Decimal("0.1176"), Decimal("1.76"), Decimal("2.36"), 2),
        ("t@01", date(2026, 10, 1), date(2026, 10, 2), 1, Decimal("0.672"), Decimal("0.67"), None, 1),
    ]


def test_an_invoice_is_due_by_the_terms_of_the_payer_on_its_day() -> None:
    terms = rows(
        Accounts,
        """
        account_id | payer_id | valid_from | valid_to   | net_terms_days
        a          | a        | 2026-01-01 | 2026-11-01 | 30
        a          | a        | 2026-11-01 | 9999-12-31 | 14
        b          | a        | 2026-01-01 | 9999-12-31 | 90
        """,
    )
    books = Books(accounts=terms)
    books.night("2026-11-01", october("1"))
    assert books.log[IssuedDocuments]["due_date"].to_list() == [date(2026, 11, 15)]


@pytest.mark.parametrize(
    ("anchor", "grace", "expected"),
    [
        ("2000-01-15", "3", ["2026-10-01", "2026-10-18", "2026-11-01", "2026-11-18"]),
        ("2000-01-31", "0", ["2026-10-01", "2026-10-31", "2026-11-01", "2026-11-30"]),
        ("2000-01-01", "0", ["2026-10-01", "2026-11-01"]),
    ],
)
def test_days_of_issue_are_the_ends_of_periods_and_the_first_of_each_month(
    anchor: str, grace: str, expected: list[str]
) -> None:
    contracts = rows(Contracts, billing_interval="month", billing_anchor_date=anchor, grace_days=grace)
    company = rows(Companies, issues_from="2026-09-01", grace_days="0")
    found = days_of_issue(contracts, company, after=date(2026, 9, 30), through=date(2026, 11, 30))
    assert [day.isoformat() for day in found] == expected
