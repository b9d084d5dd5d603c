"""The catalogue of faults: what can go wrong, what is done about it, and the test that holds it.

`python -m tests.faults.catalogue` writes `dbt_project/docs/faults.md`; a test compares. A test belongs to a fault when its
name (`test_f24_...`), its docstring, a comment of it or the id of one of its cases (`id="F24 other quantity"`) says so, or
when it is named here.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "dbt_project" / "docs" / "faults.md"
FAULT = re.compile(r"(?<![A-Za-z0-9])[Ff](\d{2,3})(?![0-9])")
FOLDERS = ("data_contracts", "transforms", "orchestration", "dbt_project", "architecture", "properties", "faults")
HEAD = """\
# Faults

What can go wrong with input, prices, machines, numbers and people, and the test that holds what is done about it. Written
by `python -m tests.faults.catalogue`, compared by a test.
"""
SHOWN = 4  # tests named per fault; the others are counted


@dataclass(frozen=True)
class Fault:
    """One way to break it: `tests` beside those that name it themselves, or why there is none."""

    title: str
    tests: Sequence[str] = ()
    later: str | None = None
    not_applicable: str | None = None


PARTS: Mapping[str, Mapping[str, Fault]] = {
    "Input files": {
        "F01": Fault("An expected file is missing at the cut-off"),
        "F02": Fault("A file is empty, or has a header only"),
        "F03": Fault("A file is cut off"),
        "F04": Fault("A compressed file or a Parquet footer is cut off"),
        "F05": Fault("A file is still being written"),
        "F06": Fault("The same file twice under one name"),
        "F07": Fault("The same bytes under another name"),
        "F08": Fault("A file is sent again with other content"),
        "F09": Fault(
            "A file of a closed month arrives late",
            (
                "orchestration/test_corrections.py::test_late_usage_is_posted_as_the_difference_in_the_first_open_month",
                "orchestration/test_close.py::test_the_month_stays_as_it_was_published_and_the_rest_is_posted_in_the_next",
            ),
        ),
        "F10": Fault(
            "One file holds many periods",
            (
                "orchestration/test_night.py::test_a_late_event_is_billed_on_the_day_of_its_service",
                "orchestration/test_night.py::test_the_order_of_rows_and_the_cut_into_files_change_no_amount",
            ),
        ),
        "F11": Fault("A column is missing"),
        "F12": Fault("A column was added"),
        "F13": Fault("Columns stand in another order"),
        "F14": Fault("A column was renamed, repeated, or its case changed"),
        "F15": Fault("A type drifts late in a file"),
        "F16": Fault("Delimiter, quote, decimal comma or grouping changed"),
        "F17": Fault("Byte order mark, line ends of other systems, blank lines"),
        "F18": Fault("Text that is no UTF-8, or has lost a character"),
        "F19": Fault("Control and invisible characters in ids"),
        "F20": Fault("Ids that only look alike"),
        "F21": Fault("A quote that never closes, a line end in a field, a field of megabytes"),
        "F22": Fault("A row with too few or too many fields"),
        "F23": Fault("The same event twice"),
        "F24": Fault("An event id with another content"),
        "F25": Fault("A required value is missing"),
        "F26": Fault("Ids that look like numbers"),
        "F27": Fault("A quantity that is no plain decimal"),
        "F28": Fault("A negative quantity"),
        "F29": Fault("A quantity that is too large"),
        "F30": Fault("More decimals than the contract has"),
        "F31": Fault(
            "An account, meter or dimension that nobody knows",
            (
                "transforms/test_priced_usage.py::test_usage_that_meets_no_price_waits_and_is_never_free",
                "orchestration/test_night.py::test_what_cannot_be_priced_is_shown_by_name",
            ),
        ),
        "F32": Fault("A wrong currency"),
        "F33": Fault("An event in the future"),
        "F34": Fault("A time without offset, in seconds since 1970, or in an impossible year"),
        "F35": Fault("A local time that does not exist, or exists twice"),
        "F36": Fault(
            "Days of 23 and 25 hours",
            (
                "transforms/test_zone_days.py::test_days_follow_each_other_without_gap_or_overlap",
                "transforms/test_zone_days.py::test_every_instant_is_in_exactly_one_day_the_one_on_the_wall",
            ),
        ),
        "F37": Fault("Leap days, the 31st, second 60"),
        "F38": Fault(
            "An event exactly on a boundary",
            (
                (
                    "transforms/test_zone_days.py"
                    "::test_the_day_has_changed_on_the_wall_at_its_first_instant_and_not_a_microsecond_before"
                ),
            ),
        ),
        "F39": Fault(
            "The rules of time zones change between two runs",
            later="only the pinned tzdata is used; no report of changes",
        ),
        "F40": Fault("Parquet of inexact or nested types"),
        "F41": Fault(
            "The clock of a producer is ahead",
            (
                "orchestration/intake/test_usage_rows.py::test_f33_an_event_after_the_delivery_day_in_every_zone_is_rejected",
            ),
        ),
        "F42": Fault("A day far off its usual volume", later="bounds of a day's volume are a later issue"),
    },
    "Prices, contracts, exchange, configuration": {
        "F43": Fault("Two versions of a price hold at once"),
        "F44": Fault(
            "No version of a price holds",
            ("transforms/test_priced_usage.py::test_usage_without_a_price_in_force_waits",),
        ),
        "F45": Fault(
            "A price lacks the customer's currency",
            ("transforms/test_priced_usage.py::test_a_price_without_the_customers_currency_makes_usage_wait",),
        ),
        "F46": Fault("Contract, price and invoice name different currencies"),
        "F47": Fault("Tiers unsorted, repeated, overlapping, without an open end"),
        "F48": Fault("A negative price, a slip of the unit, ten times the price"),
        "F49": Fault("YAML that guesses types, repeats keys or nests aliases"),
        "F50": Fault("A price changes back into an open month"),
        "F51": Fault(
            "A price changes back into a closed month",
            ("orchestration/test_corrections.py::test_a_superseded_price_reverses_what_was_sealed_and_posts_it_anew",),
        ),
        "F52": Fault("A version is edited in place"),
        "F53": Fault("Plans change within a period", later="recurring prices and proration are a later issue"),
        "F54": Fault("Discounts above the amount, in an unclear order", later="discounts are a later issue"),
        "F55": Fault("An exchange rate is missing, zero, negative, stale, inverted or given twice"),
        "F56": Fault(
            "An exchange rate is corrected after the close",
            ("orchestration/test_corrections.py::test_a_corrected_rate_changes_what_a_converted_price_came_to",),
        ),
        "F57": Fault("A revenue account is not mapped", later="the journal is a later issue"),
        "F58": Fault("A span of time that ends before it begins"),
        "F59": Fault(
            "Two processes with two settings",
            later="the settings' hash stands in `meta.run`; a difference is not refused yet",
        ),
        "F60": Fault(
            "Prices change while a run is on",
            ("orchestration/test_night.py::test_what_comes_under_a_date_already_taken_belongs_to_tonight",),
        ),
    },
    "Processes, storage, orchestration": {
        "F61": Fault(
            "Killed anywhere",
            (
                (
                    "orchestration/publish/test_crashes.py"
                    "::test_killed_at_every_change_of_the_disk_and_run_again_it_serves_whole_runs"
                ),
                "faults/test_kill.py::test_killed_at_any_durable_call_before_the_marts_the_next_run_makes_the_same",
            ),
        ),
        "F62": Fault(
            "The disk is full",
            (
                (
                    "orchestration/test_storage.py"
                    "::test_a_disk_that_fails_to_flush_leaves_the_old_state_and_the_next_try_succeeds"
                ),
                "orchestration/publish/test_doctor.py::test_too_little_space_and_a_wrong_python_are_found",
            ),
        ),
        "F63": Fault(
            "Memory is short",
            (
                "orchestration/test_build.py::test_the_number_of_buckets_follows_from_the_memory_setting",
                (
                    "orchestration/publish/test_reader.py"
                    "::test_a_question_that_eats_memory_fails_and_the_next_one_is_answered"
                ),
            ),
        ),
        "F64": Fault(
            "No permission, read-only, input or output error",
            (
                "orchestration/test_cli.py::test_a_home_that_cannot_be_written_is_one_sentence",
                "orchestration/test_cli.py::test_a_home_without_permission_is_one_sentence",
            ),
        ),
        "F65": Fault(
            "Two runs at the same time",
            ("orchestration/publish/test_lock.py::test_a_second_run_waits_and_says_for_whom",),
        ),
        "F66": Fault(
            "A backfill overlaps the nightly run",
            (
                "orchestration/dagster/test_run.py::test_a_run_waits_for_the_one_that_is_on",
                "orchestration/test_night.py::test_days_may_be_asked_for_in_any_order",
            ),
        ),
        "F67": Fault(
            "A crash leaves a lock or a slot",
            ("orchestration/publish/test_lock.py::test_a_killed_holder_leaves_no_lock",),
        ),
        "F68": Fault(
            "A process id is used again; a lock on a network drive",
            ("orchestration/publish/test_doctor.py::test_each_harm_is_found_and_nothing_else",),
        ),
        "F69": Fault(
            "An analyst reads for hours while runs are published",
            (
                (
                    "orchestration/publish/test_crashes.py"
                    "::test_readers_and_publishers_neither_wait_for_each_other_nor_see_two_runs_mixed"
                ),
            ),
        ),
        "F70": Fault(
            "An analyst opens the build file",
            (
                "orchestration/publish/test_doctor.py::test_each_harm_is_found_and_nothing_else",
                "orchestration/test_storage.py::test_what_is_not_finished_is_nobody_elses_to_read",
            ),
        ),
        "F71": Fault(
            "A reader that never opens the file again",
            ("faults/test_stack.py::test_k12_an_open_reader_keeps_the_old_snapshot_and_a_new_one_sees_the_new",),
        ),
        "F72": Fault(
            "A crash between the copies and the switch",
            (
                "faults/test_kill.py::test_killed_within_dbt_and_within_the_switch_the_next_run_publishes_the_same",
                "orchestration/publish/test_publish.py::test_recover_removes_leftovers_and_nothing_else",
            ),
        ),
        "F73": Fault(
            "A stale write-ahead log beside the published file",
            ("orchestration/publish/test_publish.py::test_a_candidate_with_a_write_ahead_log_is_never_switched_to",),
        ),
        "F74": Fault(
            "The published file is damaged, deleted or replaced",
            (
                "orchestration/publish/test_doctor.py::test_each_harm_is_found_and_nothing_else",
                (
                    "orchestration/publish/test_publish.py"
                    "::test_a_link_to_nothing_is_reported_and_healed_by_the_next_publish"
                ),
            ),
        ),
        "F75": Fault(
            "A retry after half a success",
            (
                "orchestration/test_build.py::test_a_build_cut_short_between_two_tables_is_completed",
                "orchestration/test_build.py::test_the_fingerprint_changes_with_one_digit_of_one_delivery",
            ),
        ),
        "F76": Fault(
            "An asset is materialized alone on unchecked inputs",
            (
                "orchestration/dagster/test_run.py::test_one_table_alone_makes_what_it_stands_on_and_is_no_night",
                "faults/test_stack.py::test_k17_a_blocking_check_stops_what_comes_after_it_in_the_same_run_only",
            ),
        ),
        "F77": Fault(
            "A check crashes, or finds nothing",
            (
                (
                    "orchestration/publish/test_gates.py"
                    "::test_a_gate_that_crashes_or_finds_nothing_has_failed_and_stops_no_other"
                ),
            ),
        ),
        "F78": Fault(
            "A check that cannot stop anything",
            (
                "orchestration/publish/test_gates.py::test_each_gate_alone_catches_its_planted_difference",
                "orchestration/publish/test_gates.py::test_every_gate_has_a_planted_difference",
            ),
        ),
        "F79": Fault(
            "A run is cancelled",
            (
                "orchestration/observe/test_notify.py::test_nothing_is_told_of_a_good_run_unless_asked_nor_to_who_interrupts_one",
            ),
        ),
        "F80": Fault(
            "Clock, zone and locale of the machine change",
            (
                "orchestration/test_night.py::test_machine_clock_zone_locale_threads_and_memory_change_no_row",
                "orchestration/publish/test_publish.py::test_the_run_number_comes_from_the_store_and_never_falls_back",
            ),
        ),
        "F81": Fault(
            "Two versions of the code rate one month",
            (
                "orchestration/test_build.py::test_the_fingerprint_changes_with_the_code_that_rates",
                "orchestration/test_corrections.py::test_what_the_code_alone_changes_is_shown_and_not_posted",
            ),
        ),
        "F82": Fault(
            "An upgrade of a library changes numbers",
            ("faults/test_stack.py::test_the_facts_are_of_the_pinned_versions",),
        ),
        "F83": Fault(
            "A month is closed while data still arrive",
            (
                "orchestration/test_close.py::test_a_month_is_not_closed_before_its_end_is_known",
                "orchestration/test_corrections.py::test_a_run_of_the_close_or_of_an_earlier_day_sees_the_month_open",
            ),
        ),
        "F84": Fault(
            "Closed twice, reopened, closed after a failure",
            (
                "orchestration/test_close.py::test_closing_twice_is_closing_once",
                "orchestration/test_close.py::test_only_the_last_closed_month_can_be_reopened_and_its_seal_stays",
                "orchestration/test_seals.py::test_a_close_that_was_killed_before_it_noted_its_head_is_no_fault",
            ),
        ),
        "F85": Fault(
            "Many days are backfilled at once",
            (
                (
                    "orchestration/dagster/test_webserver.py"
                    "::test_the_day_of_a_tick_and_a_month_publish_what_the_command_line_publishes"
                ),
            ),
        ),
        "F86": Fault(
            "A partition key that is no day",
            ("orchestration/test_cli.py::test_a_wrong_use_ends_with_2_and_a_sentence",),
        ),
        "F87": Fault(
            "Retention removes what a re-run needs",
            later="there is no retention but of published runs and builds, which can be made again",
        ),
        "F88": Fault(
            "An older backup is restored",
            (
                "orchestration/test_seals.py::test_an_older_backup_is_found_by_what_a_publish_has_seen",
                "orchestration/test_close.py::test_a_night_refuses_a_chain_that_lost_what_was_published",
            ),
        ),
    },
    "Numbers": {
        "F89": Fault(
            "A decimal overflows",
            (
                "transforms/test_priced_usage.py::test_a_month_of_a_price_that_no_amount_could_hold_waits_whole",
                "transforms/test_priced_usage.py::test_the_bound_itself_does_not_overflow",
            ),
        ),
        "F90": Fault(
            "A float on the way",
            (
                "dbt_project/test_render.py::test_no_mart_holds_a_float",
                "dbt_project/test_render.py::test_sql_neither_divides_nor_rounds_nor_looks_at_the_clock",
            ),
        ),
        "F91": Fault(
            "A join that repeats rows",
            (
                "dbt_project/test_build.py::test_the_grain_line_of_a_mart_is_its_key",
                "orchestration/test_build.py::test_a_key_that_stands_in_two_parts_is_refused_and_leaves_no_table",
            ),
        ),
        "F92": Fault("Keys that differ by case, blanks or scale"),
        "F93": Fault("An allocation over no weights, one, a million, of a negative pool"),
        "F94": Fault(
            "A million lines of a fraction of a cent",
            (
                (
                    "orchestration/test_explain_models.py"
                    "::test_lines_of_a_scope_add_up_to_the_rounded_total_of_their_exact_amounts"
                ),
            ),
        ),
        "F95": Fault("Tax and discounts rounded per line or per invoice", later="tax and discounts are a later issue"),
        "F96": Fault(
            "Currencies of different minor units in one sum",
            ("dbt_project/test_render.py::test_an_amount_has_a_currency_beside_it",),
        ),
        "F97": Fault(
            "A null in a sum, an empty group",
            (
                "dbt_project/test_other_nights.py::test_a_night_without_anything_ties_out",
                "faults/test_stack.py::test_k8_not_a_number_passes_a_bound_and_a_sum_of_nothing_is_null",
            ),
        ),
        "F98": Fault(
            "A tie in an order",
            (
                "properties/test_metamorphic.py::test_the_order_of_rows_says_nothing",
                "orchestration/publish/test_hashing.py::test_neither_order_nor_threads_nor_batches_change_it",
            ),
        ),
        "F99": Fault(
            "Numbers change their type on the way to Parquet or a spreadsheet",
            (
                "orchestration/publish/test_publish.py::test_parquet_copies_keep_every_type_of_the_contract",
                "faults/test_stack.py::test_k5_a_sum_of_bigints_is_a_double_in_parquet",
            ),
        ),
    },
    "Security and privacy": {
        "F100": Fault(
            "A name that a spreadsheet would run",
            (
                (
                    "orchestration/publish/test_reader.py"
                    "::test_csv_keeps_numbers_and_disarms_text_that_a_spreadsheet_would_run"
                ),
            ),
        ),
        "F101": Fault(
            "SQL in a name",
            (
                "orchestration/publish/test_publish.py::test_paths_with_quotes_spaces_and_patterns_are_only_paths",
                "orchestration/observe/test_postgres.py::test_names_are_quoted_and_never_run",
            ),
        ),
        "F102": Fault("Links, devices and paths that lead elsewhere in the landing zone"),
        "F103": Fault(
            "A file that unpacks to a multiple",
            ("orchestration/intake/test_usage_files.py::test_f04_an_exploding_file_is_refused",),
        ),
        "F104": Fault(
            "Code in YAML, pickles",
            ("faults/test_stack.py::test_k22_yaml_guesses_types_and_forgives_repeated_keys",),
        ),
        "F105": Fault(
            "Templates and patterns in data", later="no data is rendered as a template; no test says so by name"
        ),
        "F106": Fault(
            "Line ends and terminal codes in data that is logged",
            ("orchestration/observe/test_run_log.py::test_one_event_is_one_line_whatever_a_value_holds",),
        ),
        "F107": Fault(
            "A secret in configuration, logs or errors",
            ("orchestration/observe/test_run_log.py::test_a_secret_is_struck_out_wherever_it_came_from",),
        ),
        "F108": Fault(
            "The web server is open to the network", later="the command binds to loopback; the doctor does not look"
        ),
        "F109": Fault(
            "An analyst's SQL reads files, writes, or never ends",
            (
                "orchestration/publish/test_reader.py::test_no_statement_reads_writes_or_changes_anything_else",
                "orchestration/publish/test_reader.py::test_a_question_that_never_ends_is_stopped",
            ),
        ),
        "F110": Fault("An analyst sees personal data or another tenant", later="files per audience are a later issue"),
        "F111": Fault("A person asks to be erased", later="erasure is a later issue"),
        "F112": Fault(
            "One person changes a price and approves it",
            ("orchestration/test_seals.py::test_a_decision_has_a_reason_and_two_people",),
        ),
        "F113": Fault(
            "Sealed files are edited or deleted by hand",
            (
                "orchestration/test_seals.py::test_what_was_changed_is_found_and_nothing_is_closed_on_top_of_it",
                "orchestration/test_close.py::test_a_closed_month_that_changes_holds_the_publish",
            ),
        ),
        "F114": Fault(
            "A dependency is malicious, or installed on its own",
            (
                "architecture/test_project.py::test_constraints_hold_versions_and_nothing_else",
                (
                    "orchestration/publish/test_reader.py"
                    "::test_the_engine_refuses_by_itself_also_without_our_look_at_the_statement"
                ),
            ),
        ),
        "F115": Fault(
            "State that others can read",
            (
                "orchestration/test_home_format.py::test_f70_a_new_home_is_private",
                "orchestration/observe/test_run_log.py::test_the_log_is_shut_to_others_and_the_console_stays_silent",
            ),
        ),
        "F116": Fault(
            "A data file that crashes its reader",
            later="files are read in this process; damaged ones are refused by the tests of F04",
        ),
    },
}


def named_tests() -> dict[str, list[str]]:
    """Return, for each fault, the tests that name it themselves: `folder/file.py::test`."""
    found: dict[str, list[str]] = defaultdict(list)
    for folder in FOLDERS:
        for path in sorted((ROOT / "tests" / folder).rglob("test_*.py")):
            for fault, test in _of_file(path):
                if test not in found[fault]:
                    found[fault].append(test)
    return found


def _of_file(path: Path) -> Iterator[tuple[str, str]]:
    text = path.read_text("utf-8")
    lines = text.splitlines()
    place = path.relative_to(ROOT / "tests").as_posix()
    constants: dict[str, set[str]] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constants[node.targets[0].id] = _faults("\n".join(lines[node.lineno - 1 : node.end_lineno]))
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        source = "\n".join(lines[first - 1 : node.end_lineno]).replace("_", " ")
        used = {name for name in constants if re.search(rf"\b{re.escape(name.replace('_', ' '))}\b", source)}
        for fault in sorted(_faults(source).union(*(constants[name] for name in used))):
            yield fault, f"{place}::{node.name}"


def _faults(text: str) -> set[str]:
    return {f"F{number}" for number in FAULT.findall(text) if 1 <= int(number) <= 116}


def page() -> str:
    """Return the text of the page."""
    named = named_tests()
    states = {"automated": 0, "later": 0, "not applicable": 0, "open": 0}
    parts = []
    for title, faults in PARTS.items():
        rows = ["| id | fault | state | test, or why not |", "|---|---|---|---|"]
        for fault_id, fault in faults.items():
            state, told = _state(fault, [*fault.tests, *(t for t in named[fault_id] if t not in fault.tests)])
            states[state] += 1
            rows.append(f"| {fault_id} | {fault.title} | {state} | {told} |")
        parts.append(f"## {title}\n\n" + "\n".join(rows))
    summary = ", ".join(f"{count} {state}" for state, count in states.items() if count)
    return "\n\n".join([HEAD.rstrip(), f"{sum(states.values())} faults: {summary}.", *parts]) + "\n"


def _state(fault: Fault, tests: Sequence[str]) -> tuple[str, str]:
    if fault.not_applicable is not None:
        return "not applicable", fault.not_applicable
    if tests:
        more = f" and {len(tests) - SHOWN} more" if len(tests) > SHOWN else ""
        return "automated", "<br>".join(f"`{test}`" for test in tests[:SHOWN]) + more
    return ("later", fault.later) if fault.later is not None else ("open", "")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
