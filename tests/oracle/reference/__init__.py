"""Rating once more, from the rule text alone: Fractions and loops, one rounding point, nothing of the engine.

Written from design §4 to §6 and semantics §1, §2, §4 without reading the engine, so that a misreading on either side
shows as a difference. Slow, small and obvious by intention: a world of dataclasses in, the expected lines out. The
arithmetic is `fractions.Fraction` from the first digit to the last; `money.round_to_minor` is the only place that rounds.

Left out, because the book refuses it or it is decided elsewhere: landing buckets (every event here counts as
accepted, but what reverses an event twice), `supersedes`, changes of an account or contract over deliveries, seals and
adjustments.

Choices: where the text leaves one, this is the reading here. `C…` is cited at the line of code that makes it.

| id | question | reading here |
|---|---|---|
| C1 | when is the default plan's contract active, so that its zero-usage row exists | per price, on the days of the account on which no signed contract covers with a price of that meter; an account without a contract pays the default plan's tier-one flat |
| C2 | two signed contracts cover the same meter | its usage is suspense; each still has its own zero-usage rows, both were signed |
| C3 | does "has a price of the meter" look at dates, kind or `where` of the prices in the plan | no: any entry of the plan counts; what is not in force then is suspense under that contract, not a reason to try the next |
| C4 | event names its contract | the account's and covering the local day, else suspense; a plan without a price of the meter is suspense too, the default plan is not tried |
| C5 | override whose first version begins after the contract's start | the plan's version is in force until then: precedence holds at each instant |
| C6 | first active day of a price that starts inside a day or month | the local day of the first active instant: the latest of period start, contract start, account start, billing start, plan entry and first version; the version in force at that instant makes the row |
| C7 | usage delivered after D, in suspense or excluded | is no usage: the zero-usage row stands |
| C8 | an event of quantity 0 | is usage: it opens the counter, tier one's flat falls on its day |
| C9 | `quantity_before` after a change of version | 0 again: it is the counter's, and the counter restarts; `amount_exact_before` is the rounding scope's and runs on |
| C10 | order of lines within a rounding scope | service date, then start of the version |
| C11 | percentage: quantity of a line | sum of the events' billing quantities (values); `quantity_before` likewise |
| C12 | percentage: which events use up an allowance | every event of the counter, in order; the counter is (contract, price, billing period, version): allowances restart with the version |
| C13 | percentage, `both_exhausted` | free while free events are left, whatever the value; then free until the free amount, which the free events used too, is used up; the event in which it runs out pays the rate on its rest and the fixed fee |
| C14 | percentage: only one of the two allowances given | only that one counts, under either rule; a given 0 is used up from the start |
| C15 | two events at one instant with one id from two sources | ordered by source last |
| C16 | `count` meters | the billing quantity of an event is 1, whatever quantity or amount it carries |
| C17 | meter of value `amount`, event without amount | suspense, never 0 |
| C18 | an event matched by several prices (one plus additive ones, or several cost prices), one of which cannot be rated | the event's kind is suspense as a whole: one bucket per event and kind, no partial lines |
| C19 | price without the contract's currency | looked at in the version in force at the event's instant; no currency, no zero-usage row |
| C20 | outcome per kind | revenue always; cost only where the contract's plan has a cost price of the meter |
| C21 | zero-rated | every line that the event is part of has amount_exact 0; for percentage every fee of the event is 0 |
| C22 | excluded or suspense first | excluded, once account and meter are known; the first matching rule by id |
| C23 | list amount under an override | the line's own counter positions put into the plan's version in force at the line's first instant (day start or version start, the later); rounded as a running total of the same scope; no such version or currency: the line's own amount |
| C24 | account `valid_from` | first local day; an event before is `unknown_account`, and nothing is active before |
| C25 | rounding modes that differ inside a scope | the line takes the running total to q(total) in its own mode, less what was rounded so far: the identity holds |
| C26 | lines rounded per event beside lines rounded per period in one scope (an override changed the model) | the period-rounded ones telescope among themselves; `amount_exact_before` counts both |
| C27 | `per` that does not end (1 per 3) | unit price is the exact quotient, not its 24th place |
| C28 | zero-usage row: billing period that begins before `billing_starts_on` | its first active day is `billing_starts_on`, which the caller says (the night's: first day of the month of the first delivery); usage before it is rated all the same |
| C29 | an event covered by an additive price only | is priced |
| C30 | a plan entry's `effective_from` and an override | bounds the override too: before it the plan does not sell the price |
| C31 | flat price without a meter on the default plan | active on the days on which no signed contract of the account covers, whatever that one sells |
| C32 | flat price of a meter | due once per group and period ("once per interval"), on the first day with usage by the version in force there, else on the first active day; flats of tiers begin anew with a version, this one does not |
| C33 | a group whose events lack the dimension | is a group of its own, without the key |
| C34 | matrix: which scope is rounded | the text's: (contract, price, group, period); a cell is no group |
| C35 | dynamic: an event without amount, or with an amount in another currency | suspense, as with meters of value `amount`; the line's quantity stays the meter's |
| C36 | free units and models that do not count units (percentage, dynamic, matrix, flat) | no meaning here: refused |
| C37 | net below zero | per counter, which is (contract, price, group, version's part of the period), over everything delivered; its usage waits as a whole |
| C38 | running total below zero on the way to a net of 0 or more | tier one goes on below zero (r·x + f), a package count is 0 there; the period's total is the text's |
| C39 | day and terms of minimum and maximum | the version in force at the end of the last active day of the period; covered and period are days (active days of the price / days of the month); a minimum is not yet due while the first day after the period lies after D |
| C40 | rounding of minimum and maximum | they end the running total of their price and period: with them the rounded amounts sum to the rounded exact total, so 10 owed at least is never 10.01; over several groups likewise, where a bound bites; fees that are rounded one by one count as they were charged |
| C41 | reversed usage | as if it had never been: it opens no counter and uses no allowance |
| C42 | what a reversal may name | an accepted event of its own source that is not itself only a reversal; who names it first (delivery, then row) cancels it, also if both came early; its own time, quantity and cells say nothing |
| C43 | an amendment that comes second | is a duplicate as a whole: its new event does not count either |
| C44 | price in several currencies, none of them the contract's | no conversion: which one is meant is open; suspense |
| C45 | rate of a converted line | of its service date, by local day; each leg of a cross is looked up by itself |
| C46 | no rate on the first active day | no zero-usage row in the period until the rate is known: what is due then waits with its payer |
| C47 | amount in reporting currency | the rounded amount, converted at the posting date's rate and rounded half up to the reporting currency; none without a rate |
| C48 | unit conversion | of the counter's running quantity, so 1,400 and 1,300 by 1,000 are 3 packages within a version and 2 + 2 over two that restart; the line's quantity stays the meter's; free units are in converted units; models that rate events are refused |
| C49 | `flat_on_zero: none` | asks for the quantity that the model sees: none left after the free units is zero; later usage brings the flat |
| C50 | `round_at: event` beyond percentage | the fee of an event is what it adds to the counter, R(x + q) - R(x), in order of time; a zero-usage row is rounded by itself |
| C51 | billing periods | of a contract: at the anchor, quarters and years from January on, or from a day on which one starts; a week's anchor is its weekday, 1 is Monday; of the default plan: the calendar month |
| C52 | tier periods | month, quarter and year are those of the calendar; a counter runs on over the billing periods inside, so tier one's flat is due once in it, also by a zero-usage row; rounding stays per billing period |
| C53 | `pool: payer`, `group_by_shared_tiers` | one counter and one rounding scope over all contracts of the payer in one currency, or over all values; the rounded amount of a day and version is allocated over its scopes in proportion to their quantity of that day (all of it to the first if nobody used anything) |
| C54 | hours of a rate curve | as the local clock shows them, start in, end out; the first that matches; a line is one day of the version, over all hours |
| C55 | `on_price_change` | the version that takes over says it; `continue` shares the counter with the version before: `quantity_before` runs on, and the line of the later version carries what the change of tier does to the earlier units |
| C56 | a level on days without events | belongs to the account and the meter: from its first event to D every day, and every part of a day after a change of version, is usage of the contract, price and version that it finds then, whoever sold the event; without carry-over it lives in its billing period only |
| C57 | weighted_sum | an event changes the level by its value from its instant on; each second weighs one part of the seconds of the billing period; the running quantity of an account, period and cell (the values that prices look at) is held to twelve places, as quantities are |
| C58 | max, latest, unique_count under `restart` | begin anew in each version's part, like every counter: a part with usage pays its own maximum |
| C59 | free units and unit conversion of a matrix | where every event of a counter is in one cell |
"""

from tests.oracle.reference.exchange import Exchange
from tests.oracle.reference.models import cumulative_amount, percentage_fee
from tests.oracle.reference.money import allocate, round_to_minor
from tests.oracle.reference.night import expected
from tests.oracle.reference.periods import billing_period, day_start, local_day, next_month, period_of, start_instant
from tests.oracle.reference.world import (
    Account,
    Cell,
    Contract,
    Dynamic,
    Event,
    Exclusion,
    Expected,
    Fee,
    Flat,
    Graduated,
    GraduatedPercentage,
    Hours,
    Line,
    Matrix,
    Meter,
    Override,
    Package,
    Percentage,
    PerUnit,
    Plan,
    PlanEntry,
    Price,
    Rate,
    RateTier,
    Reporting,
    Terms,
    Tier,
    UnitConversion,
    Version,
    Volume,
    World,
)

__all__ = [
    "Account",
    "Cell",
    "Contract",
    "Dynamic",
    "Event",
    "Exchange",
    "Exclusion",
    "Expected",
    "Fee",
    "Flat",
    "Graduated",
    "GraduatedPercentage",
    "Hours",
    "Line",
    "Matrix",
    "Meter",
    "Override",
    "Package",
    "PerUnit",
    "Percentage",
    "Plan",
    "PlanEntry",
    "Price",
    "Rate",
    "RateTier",
    "Reporting",
    "Terms",
    "Tier",
    "UnitConversion",
    "Version",
    "Volume",
    "World",
    "allocate",
    "billing_period",
    "cumulative_amount",
    "day_start",
    "expected",
    "local_day",
    "next_month",
    "percentage_fee",
    "period_of",
    "round_to_minor",
    "start_instant",
]
