"""Canaries: what the pinned libraries were measured to do to money if they are let.

Each test holds one measured fact of the stack, numbered as in the notes of the design (K1 to K23, and the further traps
T1 to T6). A test that turns red after an upgrade says which of our rules has to be looked at again; where the rule can
be tried in the same breath it is.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import dagster as dg
import duckdb
import pandera.polars as pa
import polars as pl
import pytest
import yaml
from dagster import DagsterInstance

from data_contracts import AccountRows
from data_contracts.validation import ContractError, validate
from orchestration import hashing
from orchestration.lock import run_lock
from orchestration.reader import open_locked_down
from orchestration.settings import Settings
from orchestration.storage import scan
from tests.properties.test_months_of_operations import Operations
from transforms import money

ROOT = Path(__file__).parents[2]
BIG = 2**63 - 1
SETTLE_SECONDS = 60


def one(sql: str) -> object:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchone()[0]


def type_of(sql: str) -> str:
    return str(one(f"select typeof(x) from ({sql}) as found(x)"))


def decimals(*texts: str, scale: int = 2) -> pl.Series:
    return pl.Series("x", [Decimal(each) for each in texts], dtype=pl.Decimal(38, scale))


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )


def test_k1_whole_numbers_wrap_in_polars_and_decimals_do_not():
    whole = pl.Series("x", [BIG, 1])
    assert whole.sum() == -BIG - 1
    assert (whole + 1)[0] == -BIG - 1
    with pytest.raises(pl.exceptions.PolarsError):
        pl.Series("x", [Decimal(10) ** 37] * 100, dtype=pl.Decimal(38, 0)).sum()
    with pytest.raises(duckdb.Error):
        one(f"select {BIG}::bigint + 1::bigint")


def test_k2_a_product_of_decimals_keeps_the_larger_scale_only():
    # 1.25 × 0.10 = 0.125: Polars rounds it half-even at two places, DuckDB keeps four.
    assert (decimals("1.25") * decimals("0.10"))[0] == Decimal("0.12")
    assert one("select 1.25::decimal(38, 2) * 0.10::decimal(38, 2)") == Decimal("0.1250")
    wide = decimals("1.25").cast(pl.Decimal(38, 4)) * decimals("0.10").cast(pl.Decimal(38, 4))
    assert wide[0] == Decimal("0.1250")


def test_k3_the_engines_round_differently_and_ours_is_said_by_name():
    assert decimals("0.125", scale=3).cast(pl.Decimal(38, 2))[0] == Decimal("0.12")
    assert one("select 0.125::decimal(38, 3)::decimal(38, 2)") == Decimal("0.13")
    assert pl.Series(["1.005"]).str.to_decimal(scale=2)[0] == Decimal("1.00")
    frame = pl.DataFrame({"x": ["0.125"], "places": [2]}).with_columns(
        pl.col("x").cast(pl.Decimal(38, 24)), pl.lit("half_up").alias("mode")
    )
    rounded = frame.select(money.round_to_minor(pl.col("x"), pl.col("places"), pl.col("mode")))
    assert rounded.item() == Decimal("0.13")


def test_k4_division_average_and_one_double_branch_make_floats_in_duckdb():
    for sql in (
        "select 1.00::decimal(18, 2) / 3",
        "select avg(x) from (values (1.00::decimal(18, 2))) as rows(x)",
        "select case when true then 1.00::decimal(18, 2) else 1::double end",
        "select coalesce(1.00::decimal(18, 2), 1::double)",
        "select 1.00::decimal(18, 2) union all select 1::double limit 1",
    ):
        assert type_of(sql) == "DOUBLE", sql


def test_k5_a_sum_of_bigints_is_a_double_in_parquet(tmp_path: Path):
    target = tmp_path / "sum.parquet"
    one(f"copy (select sum(x) as x from (values ({2**60}::bigint), (1)) as rows(x)) to '{target}' (format parquet)")
    assert pl.read_parquet_schema(target)["x"] == pl.Float64
    assert int(pl.read_parquet(target)["x"][0]) != 2**60 + 1


def test_k6_the_first_files_schema_wins_in_duckdb_and_ours_looks_at_each(tmp_path: Path):
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pl.DataFrame({"x": decimals("1.00")}).write_parquet(first)
    pl.DataFrame({"x": decimals("1.23456", scale=5), "more": [1]}).write_parquet(second)
    with duckdb.connect() as connection:
        found = connection.execute(f"from read_parquet(['{first}', '{second}']) order by all").fetchall()
    assert found == [(Decimal("1.00"),), (Decimal("1.23"),)]
    with pytest.raises(Exception, match="columns are not those of account_rows"):
        scan(AccountRows, [first])


def test_k7_sniffing_and_lenient_csv_change_numbers_without_a_word(tmp_path: Path):
    drifting, cut, old_mac = tmp_path / "drift.csv", tmp_path / "cut.csv", tmp_path / "cr.csv"
    drifting.write_text("id,n\n" + "".join(f"{i},7\n" for i in range(30_000)) + "30000,1.5\n")
    assert one(f"select max(n) filter (where id = 30000) from read_csv('{drifting}')") == 2
    cut.write_text("id,n\n1,100\n2,20")  # was 2,200
    assert pl.read_csv(cut)["n"].to_list() == [100, 20]
    old_mac.write_bytes(b"id,n\r1,2\r3,4\r")
    assert pl.read_csv(old_mac).height == 0


def test_k8_not_a_number_passes_a_bound_and_a_sum_of_nothing_is_null():
    nan = pl.Series([float("nan")])
    assert (nan >= 0).item()
    assert (nan == nan).item()  # noqa: PLR0124 - the comparison with itself is the fact
    assert one("select 'nan'::double >= 0") is True
    assert one("select sum(x) from (select 1 as x where false)") is None
    # A tie-out that only asks `<> 0` passes on null: ours fails on it.
    assert one("select count(*) from (select null::decimal(18, 4) as difference) where difference <> 0") == 0


def test_k9_both_engines_give_the_same_decimals():
    frame = pl.DataFrame({"k": [i % 7 for i in range(5_000)], "x": decimals(*[f"{i}.01" for i in range(5_000)])}).lazy()
    summed = frame.group_by("k").agg(pl.col("x").sum()).sort("k")
    assert summed.collect(engine="streaming").equals(summed.collect(engine="in-memory"))


def test_k9_rows_are_numbered_in_collected_frames_only(monkeypatch):
    """Numbered and joined within one plan, four rows gave a wrong count in 122 of 200 streaming runs."""

    number = pl.LazyFrame.with_row_index

    def watched(*given: object, **named: object) -> pl.LazyFrame:
        caller = sys._getframe(1).f_code.co_filename
        assert not caller.startswith(str(ROOT / "transforms")), f"a row index within a plan: {caller}"
        return number(*given, **named)

    monkeypatch.setattr(pl.LazyFrame, "with_row_index", watched)
    monkeypatch.setattr("tests.properties.test_months_of_operations.event", lambda _: None)
    company = Operations()
    company.found((60, 7, 250, 900), ("ant", "calls", 250))  # a counter, fees, levels, a closed month
    company.teardown()


def test_k10_the_bytes_of_sorted_parquet_stand_and_of_a_database_the_canonical_hash(tmp_path: Path):
    frame = pl.DataFrame({"k": range(1_000), "x": decimals(*[f"{i}.25" for i in range(1_000)])})
    for name in ("a", "b"):
        frame.write_parquet(tmp_path / f"{name}.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    hashes = set()
    for order in ("k", "k desc"):
        with duckdb.connect() as connection:
            connection.execute(f"create table t as select * from read_parquet('{tmp_path}/a.parquet') order by {order}")
            hashes.add(hashing.canonical_hash(connection, "main", "t", ["k"]))
    assert len(hashes) == 1


def test_k11_a_reader_of_the_build_file_keeps_its_writer_out(tmp_path: Path):
    path = tmp_path / "build.duckdb"
    duckdb.connect(path).close()
    with duckdb.connect(path, read_only=True):
        refused = run_python("import duckdb, sys; duckdb.connect(sys.argv[1])", path)
    assert "lock" in refused.stderr
    assert refused.returncode != 0


def test_k12_an_open_reader_keeps_the_old_snapshot_and_a_new_one_sees_the_new(tmp_path: Path):
    for number in (1, 2):
        with duckdb.connect(tmp_path / f"{number}.duckdb") as connection:
            connection.execute(f"create table run as select {number} as number")
    served = tmp_path / "served.duckdb"
    shutil.copy(tmp_path / "1.duckdb", served)
    with duckdb.connect(served, read_only=True) as reader:
        os.replace(tmp_path / "2.duckdb", served)
        assert reader.execute("from run").fetchall() == [(1,)]
        seen = run_python(
            "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).sql('from run'))", served
        )
        assert "2" in seen.stdout
        # The trap: the same process that connects again gets its old database.
        assert duckdb.connect(served, read_only=True).execute("from run").fetchall() == [(1,)]


def test_k13_a_write_ahead_log_of_another_file_keeps_a_database_from_opening(tmp_path: Path):
    path, wal = tmp_path / "a.duckdb", tmp_path / "a.duckdb.wal"
    killed = run_python(
        "import duckdb, os, signal, sys; c = duckdb.connect(sys.argv[1]);"
        "c.execute('create table t as select 1 as x'); c.execute('checkpoint'); c.execute('insert into t values (2)');"
        "os.kill(os.getpid(), signal.SIGKILL)",
        path,
    )
    assert killed.returncode == -9
    assert wal.exists()
    alone = tmp_path / "alone.duckdb"
    shutil.copy(path, alone)  # a copy without its log has lost the committed row, and opens
    with duckdb.connect(alone) as connection:
        assert connection.execute("select count(*) from t").fetchone() == (1,)
    other = tmp_path / "other.duckdb"
    with duckdb.connect(other) as connection:
        connection.execute("create table u as select 1 as y")
    shutil.copy(wal, tmp_path / "other.duckdb.wal")
    with pytest.raises(duckdb.Error):
        duckdb.connect(other).execute("from u")


ASKED = (
    "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).sql"
    "('select count(*), sum(x), md5(string_agg(y, chr(44) order by x)) from t').fetchall())"
)


def test_k14_a_flipped_bit_is_an_error_and_never_another_answer(tmp_path: Path):
    path = tmp_path / "a.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("create table t as select range as x, repeat('a', 50) || range as y from range(200000)")
    good = path.read_bytes()
    expected = run_python(ASKED, path)
    assert expected.returncode == 0
    found = []
    for flip in range(12):
        damaged = bytearray(good)
        damaged[12_288 + (len(good) - 12_288) * flip // 12] ^= 1 << (flip % 8)
        path.write_bytes(damaged)
        found.append(run_python(ASKED, path))
    # A bit in free space changes nothing; any other one is noticed.
    assert {answer.stdout for answer in found if answer.returncode == 0} <= {expected.stdout}
    assert sum(answer.returncode != 0 for answer in found) > 6


DBT_FILES = {
    "dbt_project.yml": (
        "name: canary\nprofile: canary\nmodel-paths: [models]\nflags: {send_anonymous_usage_stats: false}\n"
    ),
    "profiles.yml": "canary: {target: d, outputs: {d: {type: duckdb, path: canary.duckdb, threads: 1}}}\n",
    "models/a.sql": "select 1 as x",
    "models/b.sql": "select 2 as x, '{{ var(\"text\") }}' as y from {{ ref('a') }}",
    "models/schema.yml": (
        "models:\n  - name: b\n    columns:\n      - name: x\n        data_tests:\n"
        "          - accepted_values: {arguments: {values: [1], quote: false}}\n"
    ),
}


def test_k15_dbt_leaves_the_model_whose_test_failed_and_takes_variables_as_sql(tmp_path: Path):
    for name, text in DBT_FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    dbt = Path(sys.executable).parent / "dbt"
    built = subprocess.run(
        [dbt, "build", "--profiles-dir", ".", "--vars", "{text: \"a' || 'b\"}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "DO_NOT_TRACK": "1"},
    )
    assert built.returncode == 1, built.stdout + built.stderr
    with duckdb.connect(tmp_path / "canary.duckdb", read_only=True) as connection:
        assert connection.execute("from b").fetchall() == [(2, "ab")]


def test_k16_polars_overwrites_in_place(tmp_path: Path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"x": [1]}).write_parquet(path)
    failed = run_python(
        "import polars as pl, resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "pl.DataFrame({'x': range(100_000)}).write_parquet(sys.argv[1], compression='uncompressed')",
        path,
    )
    assert failed.returncode != 0
    with pytest.raises(pl.exceptions.PolarsError):  # the good file of before is gone
        pl.read_parquet(path)


def test_k17_a_blocking_check_stops_what_comes_after_it_in_the_same_run_only():
    @dg.asset(check_specs=[dg.AssetCheckSpec("sums", asset="rated", blocking=True)])
    def rated():
        yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=False)])

    @dg.asset(deps=[rated])
    def served():
        return dg.MaterializeResult()

    with DagsterInstance.ephemeral() as instance:
        whole = dg.materialize([rated, served], instance=instance, raise_on_error=False)
        assert not whole.success
        assert [e.asset_key.path for e in whole.get_asset_materialization_events()] == [["rated"]]
        alone = dg.materialize([rated, served], instance=instance, selection=[served])
        assert alone.success  # so publishing asks the gates itself


def test_k18_the_lock_of_a_killed_run_is_free_at_once(tmp_path: Path):
    settings = Settings(home=tmp_path)
    killed = run_python(
        "import os, signal, sys; from pathlib import Path; from orchestration.lock import run_lock;"
        "from orchestration.settings import Settings\n"
        "with run_lock(Settings(home=Path(sys.argv[1]))): os.kill(os.getpid(), signal.SIGKILL)",
        tmp_path,
    )
    assert killed.returncode == -9, killed.stderr
    with run_lock(settings, timeout_seconds=SETTLE_SECONDS):
        pass


def test_k19_dagster_keeps_run_configuration_in_clear_text(tmp_path: Path):
    @dg.op(config_schema={"password": str})
    def connect(context):
        return context.op_config["password"][:0]

    @dg.job
    def nightly():
        connect()

    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        config = {"ops": {"connect": {"config": {"password": "Xk9canary"}}}}
        nightly.execute_in_process(run_config=config, instance=instance)
    kept = b"".join(each.read_bytes() for each in tmp_path.rglob("*.db*"))
    assert b"Xk9canary" in kept  # so secrets come from the environment and never through a run's configuration


def test_k20_pandera_looks_at_no_value_of_a_lazy_frame():
    schema = pa.DataFrameSchema({"x": pa.Column(pl.Int64, pa.Check.ge(0))})
    bad = pl.DataFrame({"x": [-1]})
    schema.validate(bad.lazy())  # passes
    with pytest.raises(pa.errors.SchemaError):
        schema.validate(bad)
    with pytest.raises(TypeError):
        validate(AccountRows, AccountRows.empty().lazy())


def test_k20_checks_that_are_switched_off_are_refused(monkeypatch):
    monkeypatch.setenv("PANDERA_VALIDATION_ENABLED", "False")
    with pytest.raises(ContractError, match="unset it"):
        validate(AccountRows, AccountRows.empty())


def test_k21_read_only_alone_reads_files_and_ours_does_not(tmp_path: Path):
    path, secret = tmp_path / "a.duckdb", tmp_path / "secret.csv"
    duckdb.connect(path).close()
    secret.write_text("a\n1\n")
    question = f"select count(*) from read_csv('{secret}')"
    with duckdb.connect(path, read_only=True) as naive:
        assert naive.execute(question).fetchone() == (1,)
        naive.execute("set memory_limit = '1GB'")
    with open_locked_down(path) as guarded:
        for refused in (question, "set memory_limit = '1GB'", f"copy (select 1) to '{tmp_path}/out.csv'"):
            with pytest.raises(duckdb.Error):
                guarded.execute(refused)


def test_k22_yaml_guesses_types_and_forgives_repeated_keys():
    loaded = yaml.safe_load("a: 1.10\nb: 010\nc: NO\nd: 1_000\ne: 12:30:45\na: 2\n")
    assert loaded == {"a": 2, "b": 8, "c": False, "d": 1000, "e": 45045}


def test_k23_a_small_parquet_file_can_hold_a_large_one_and_csv_keeps_formulas(tmp_path: Path):
    bomb = tmp_path / "bomb.parquet"
    pl.DataFrame({"x": pl.zeros(5_000_000, dtype=pl.Int64, eager=True)}).write_parquet(bomb)
    assert bomb.stat().st_size * 500 < 5_000_000 * 8
    assert '=HYPERLINK("x")' in pl.DataFrame({"x": ['=HYPERLINK("x")']}).write_csv().replace('""', '"')


def test_t1_instants_with_a_zone_show_in_the_readers_zone():
    # Published instants are TIMESTAMP in UTC: with a zone the same bytes read differently on two machines.
    def shown(zone: str) -> object:
        return one(f"set timezone = '{zone}'; select ('2026-08-01 00:00:00+00'::timestamptz)::varchar")

    assert shown("UTC") != shown("Asia/Tokyo")


def test_t2_a_view_works_in_an_attached_file_where_a_macro_fails(tmp_path: Path):
    path = tmp_path / "served.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("create schema marts; create table marts.x as select 1 as a")
        connection.execute("create view marts.v as from marts.x; create macro marts.m() as table from marts.x")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as other (read_only)")
        assert connection.execute("from other.marts.v").fetchall() == [(1,)]
        with pytest.raises(duckdb.Error):
            connection.execute("from other.marts.m()").fetchall()


def test_t3_an_edge_to_the_day_before_between_two_assets_does_not_load():
    days = dg.DailyPartitionsDefinition("2026-01-01")
    before = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @dg.asset(partitions_def=days, deps=[dg.AssetDep("b", partition_mapping=before)])
    def a():
        return None

    @dg.asset(partitions_def=days, deps=[a])
    def b():
        return None

    with pytest.raises(dg.DagsterInvalidDefinitionError):
        dg.Definitions(assets=[a, b], jobs=[dg.define_asset_job("all", "*")]).resolve_job_def("all")


def test_t4_polars_has_no_hash_that_stands_over_versions():
    assert not {"sha256", "md5"} & {*dir(pl.col("x").str), *dir(pl.col("x").bin), *dir(pl.Expr)}
    assert "stable" in (pl.Expr.hash.__doc__ or "")


def test_t5_real_prices_have_more_than_twelve_decimals():
    # 23 decimals occur in real price lists; ours keep 24.
    price = Decimal("0.00000000000000000000001")
    assert pl.Series([price], dtype=money.EXACT)[0] == price
    assert pl.Series([price]).cast(pl.Decimal(38, 12))[0] == 0


def test_t6_decimals_that_overflow_in_a_window_wrap_in_memory_and_raise_when_streaming():
    huge = pl.DataFrame({"k": [1] * 20, "x": [Decimal(9) * 10**37] * 20}, schema_overrides={"x": pl.Decimal(38, 0)})
    over = huge.lazy().select(pl.col("x").sum().over("k"))
    with pytest.raises(pl.exceptions.PolarsError):
        over.collect(engine="streaming")
    wrapped = over.collect(engine="in-memory")["x"][0]
    assert wrapped != Decimal(9) * 10**37 * 20  # so amounts are bounded before they are multiplied or summed


def test_the_facts_are_of_the_pinned_versions(root: Path):
    pinned = dict(
        re.findall(r"^(polars|duckdb|dagster|pandera)==(\S+)", (root / "constraints.txt").read_text(), re.MULTILINE)
    )
    assert pinned == {name: importlib.metadata.version(name) for name in pinned}
    assert len(pinned) == 4
