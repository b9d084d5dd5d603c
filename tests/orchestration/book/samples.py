"""Documents for the tests of the book: the design's example, and the smallest book that something can be put into."""

from datetime import date

from orchestration.book import EMPTY, accept_delivery

DAY = date(2026, 8, 1)

# Design §5, as it stands there, comments included.
DESIGN_EXAMPLE = """\
company:
  {name: Acme, time_zone: UTC, reporting_currency: USD, default_plan: payg, fx: {rule: last_known, max_age_days: 5},
   legal_entities: [{id: acme_us, name: Acme Inc., country: US, currency: USD, invoice_prefix: US}]}
products: [{id: llm_api, name: LLM API, revenue_account: "4000"}]
meters:
  - {id: input_tokens, unit: token, aggregation: sum, dimensions: [model]}   # value: quantity (default) | amount; negative: reject (default) | allow
prices:
  - id: gpt4_input
    product: llm_api
    meter: input_tokens
    where: {model: gpt-4}            # exact match on dimensions; group_by: [region] makes counters and lines per value
    model: graduated                 # flat per_unit graduated volume package percentage graduated_percentage matrix dynamic
    kind: revenue                    # or cost: the same engine rates what usage costs us
    currency: USD                    # or `currencies:` in a version, amounts per currency
    versions:
      - effective_from: 2026-01-01   # a date is that local day's start; an instant is an instant
        tiers:
          - {up_to: "1000000", unit_amount: "30", per: "1000000", flat_amount: "5"}   # up_to inclusive
          - {up_to: null, unit_amount: "20", per: "1000000"}
plans: [{id: payg, prices: [gpt4_input]}]
taxes: [{id: vat_de, country: DE, rate: "0.19", effective_from: 2021-01-01}]
"""

HEAD = """\
company: {name: Acme, reporting_currency: USD}
products: [{id: api, name: API}]
meters: [{id: tokens, unit: token, aggregation: sum, dimensions: [model, region]}, {id: volume, unit: USD, aggregation: sum, value: amount}]
"""


def one_price(model: str, *versions: str, currency: str = "USD", more: str = "") -> str:
    """A book of one price `p` in a plan `payg`. Its first version stands on line 6."""
    price = (
        f"prices:\n  - {{id: p, product: api, meter: tokens, model: {model}, currency: {currency}{more}, versions: [\n"
    )
    inside = ",\n".join(f"      {version}" for version in versions)
    return f"{HEAD}{price}{inside}]}}\nplans: [{{id: payg, prices: [p]}}]\n"


def accepted(content, *, known=EMPTY, day=DAY, contracts=None, path="book.yaml"):
    """What a delivery of one document becomes."""
    books = content if isinstance(content, dict) else ({path: content} if content else {})
    return accept_delivery(known, day, books, contracts or {})


def problems(content, **more):
    """The problems of a delivery, as they are shown."""
    return [str(problem) for problem in accepted(content, **more).problems]


def rules(content, **more):
    """Line and rule of each problem."""
    return [(problem.line, problem.rule) for problem in accepted(content, **more).problems]
