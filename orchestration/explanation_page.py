"""An explanation as one small HTML page that can be sent along with an invoice: events, arithmetic, verdict."""

from html import escape

from orchestration.explain import Explanation, plain
from orchestration.pages import document, row
from orchestration.taken_back import described

SHOWN_EVENTS = 500
FACTS = (
    *("kind", "charge_kind", "account_id", "payer_id", "contract_id", "product_id", "price_version_id", "dimensions"),
    *(
        "service_date",
        "posting_date",
        "billing_period_start",
        "billing_period_end",
        "quantity",
        "amount_exact",
        "amount",
    ),
    "currency",
)


def page(found: Explanation) -> str:
    """Return the page of a line: what it is, its events, each step of the arithmetic, and whether it agrees."""
    line = found.line
    facts = "".join(row("td", [name, str(line[name])]) for name in FACTS)
    verdict = "agrees with the published one" if found.agrees else "DIFFERS FROM THE PUBLISHED ONE"
    parts = [
        f"<h1>{escape(line['line_item_id'])}</h1>",
        f"<p>{line['amount']:f} {escape(line['currency'])}. Recomputed from its events, the line {verdict}.</p>",
        f"<table>{facts}</table>",
        "<h2>How it comes about</h2>",
        f"<pre>{escape(chr(10).join([*described(found.taken_back), *found.steps]))}</pre>",
        f"<h2>Events: {len(found.events):,}</h2>",
        _events(found),
    ]
    return document(line["line_item_id"], parts)


def _events(found: Explanation) -> str:
    if not found.events:
        return '<p class="note">None: the price was active, and nothing was used.</p>'
    head = row("th", ["instant (UTC)", "event", "file and line"], ["measured"])
    rows = [
        row(
            "td",
            [str(each["occurred_at"]), each["event_id"], f"{each['source_file']}:{each['source_line']}"],
            [plain(each["measured"])],
        )
        for each in found.events[:SHOWN_EVENTS]
    ]
    beyond = len(found.events) - len(rows)
    note = f'<p class="note">And {beyond:,} more; all of them with --json.</p>' if beyond else ""
    return f"<table>{head}{''.join(rows)}</table>{note}"
