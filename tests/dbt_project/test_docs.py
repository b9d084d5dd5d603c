"""The docs name tests and are named by code: neither may point to nothing."""

import re


def anchor(heading):
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def test_a_heading_that_code_points_to_exists(root):
    docs = root / "dbt_project" / "docs"
    named = [
        found
        for folder in ("data_contracts", "transforms", "orchestration")
        for path in sorted((root / folder).rglob("*.py"))
        for found in re.findall(r"dbt_project/docs/(\w+)\.md#([\w-]+)", path.read_text())
    ]
    assert named
    for page, heading in named:
        headings = re.findall(r"^#+ (.+)$", (docs / f"{page}.md").read_text(), flags=re.MULTILINE)
        assert heading in map(anchor, headings), f"{page}.md#{heading}"


def test_a_decision_says_rule_date_reason_limit_and_test(root):
    text = (root / "dbt_project" / "docs" / "decisions.md").read_text()
    unit_tests = "".join(path.read_text() for path in (root / "dbt_project" / "models").rglob("_unit_tests.yml"))
    for decision in text.split("\n## ")[1:]:
        assert re.findall(r"^- \*\*(.+?)\.\*\*", decision, flags=re.MULTILINE) == [
            *("Rule", "Date", "Reason", "Known limit", "Test")
        ], decision.partition("\n")[0]
        for named in re.findall(r"`([^`]+)`", decision.partition("**Test.**")[2]):
            exists = (root / named).exists() or f"name: {named}\n" in unit_tests
            assert exists or named.startswith("fct_"), f"{decision.partition(chr(10))[0]}: {named}"
