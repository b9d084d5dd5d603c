import time
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration import reader
from orchestration.errors import UsageError
from tests.orchestration.publish import tiny
from tests.orchestration.publish.test_publish import publish_tiny


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("published")
    publish_tiny(home, 1)
    publish_tiny(home, 2)
    (home / "secret.csv").write_text("secret\n42\n")
    (home / "way_out").symlink_to("/etc")
    duckdb.connect(home / "other.duckdb").execute("create table secret as select 42 as secret").close()
    return home


# {home} is a folder with a file, another database and a link out; each line tries to get at them or to change something.
ESCAPES = """
select * from read_csv('/etc/passwd')
select * from read_csv_auto('{home}/secret.csv')
select * from '{home}/secret.csv'
from '{home}/published/latest/parquet/marts/fct_line.parquet'
select * from read_parquet('{home}/published/latest/parquet/marts/fct_line.parquet')
select * from read_text('/etc/hostname')
select * from read_blob('/etc/hostname')
select * from read_json('{home}/published/latest/manifest.json')
select * from read_csv('{home}/published/latest/../../secret.csv')
select * from read_csv('{home}/way_out/passwd')
select * from sniff_csv('{home}/secret.csv')
select * from parquet_metadata('{home}/published/latest/parquet/marts/fct_line.parquet')
select * from parquet_schema('{home}/published/latest/parquet/marts/fct_line.parquet')
select * from glob('/etc/*')
select getenv('HOME')
select * from read_csv('https://example.com/x.csv')
select * from read_parquet('s3://bucket/x.parquet')
select * from query('select * from read_csv(''/etc/passwd'')')
select * from query_table('{home}/secret.csv')
select * from settings_of_this_program
attach '{home}/other.duckdb' as other
attach '{home}/other.duckdb' as other (read_only)
attach ':memory:' as scratch
detach ratebook
use memory
copy marts.fct_line to '{home}/stolen.csv'
copy (select 1) to '{home}/stolen.parquet' (format parquet)
copy marts.fct_line from '{home}/secret.csv'
copy from database ratebook to other
export database '{home}/stolen'
import database '{home}/stolen'
install httpfs
force install httpfs from community
load httpfs
load '{home}/evil.duckdb_extension'
update extensions
set enable_external_access = true
set global enable_external_access = true
set memory_limit = '100GB'
set threads = 64
set temp_directory = '{home}/spill'
set extension_directory = '{home}'
set python_enable_replacements = true
reset lock_configuration
pragma memory_limit = '100GB'
pragma enable_profiling
pragma database_list
pragma add_parquet_key('key', '0123456789112345')
create table marts.mine as select 1 as i
create temp table mine as select 1 as i
create view marts.mine as select 1 as i
create macro mine(x) as x + 1
create schema mine
create secret mine (type s3, key_id 'a', secret 'b')
create persistent secret mine (type s3, key_id 'a', secret 'b')
insert into marts.dim_account values ('c', 'C')
update marts.fct_line set amount = 0
delete from marts.fct_line
truncate marts.fct_line
drop table marts.fct_line
alter table marts.fct_line add column i int
comment on table marts.fct_line is 'mine'
checkpoint
vacuum
begin transaction
call pragma_database_list()
prepare mine as select 1
execute mine
select 1; copy (select 1) to '{home}/stolen.csv'
with mine as (insert into marts.dim_account values ('c', 'C') returning *) select * from mine
explain analyze copy (select 1) to '{home}/stolen.csv'
select 1 as /* unfinished
""".strip().splitlines()

# Harmless to the outside in the engine itself (nothing is written, nothing else is read), but no questions.
ONLY_NO_QUESTION = (
    "pragma database_list", "pragma enable_profiling", "pragma add_parquet_key", "create temp table", "checkpoint", "vacuum",
    "begin", "call", "prepare", "detach", "use memory", "create secret", "create macro",
)  # fmt: skip


@pytest.mark.parametrize("escape", ESCAPES)
def test_no_statement_reads_writes_or_changes_anything_else(home, escape):
    settings_of_this_program = [42]  # noqa: F841 - what a Python replacement scan would find
    before = sorted(path.name for path in home.iterdir())
    with pytest.raises(UsageError):
        reader.run_sql(tiny.settings_at(home), escape.format(home=home))
    assert sorted(path.name for path in home.iterdir()) == before


@pytest.mark.parametrize("escape", [each for each in ESCAPES if not each.startswith(ONLY_NO_QUESTION)])
def test_the_engine_refuses_by_itself_also_without_our_look_at_the_statement(home, escape):
    settings_of_this_program = [42]  # noqa: F841
    before = sorted(path.name for path in home.iterdir())
    connection = reader.open_locked_down(home / "published" / "latest" / "ratebook.duckdb")
    with pytest.raises(duckdb.Error), connection:
        connection.execute(escape.format(home=home)).fetchall()
    assert sorted(path.name for path in home.iterdir()) == before


@pytest.mark.parametrize(
    ("question", "first_row"),
    [
        ("select count(*) from marts.fct_line", (10,)),
        ("from marts.dim_account order by account_id limit 1", ("a", "=A")),
        ("with x as (select sum(amount) as amount from marts.fct_line) select * from x;", (Decimal("20.0000"),)),
        ("values (1)", (1,)),
        ("describe marts.rpt_total", None),
        ("show all tables", None),
        ("summarize reports.rpt_total", None),
        ("pivot marts.fct_line on account_id using count(*) group by currency", ("USD", 5, 5)),
        ("explain select 1", None),
        ("select run_number from meta.run -- which one?", (2,)),
    ],
    ids=lambda value: str(value)[:30],
)
def test_every_kind_of_question_is_answered(home, question, first_row):
    question = question.replace("marts.rpt_total", "reports.rpt_total")
    result = reader.run_sql(tiny.settings_at(home), question)
    assert result.run_number == 2
    assert result.rows
    if first_row is not None:
        assert result.rows[0] == first_row


def test_an_earlier_run_can_be_asked_by_its_number(home):
    assert reader.run_sql(tiny.settings_at(home), "select run_number from meta.run", run=1).rows == [(1,)]
    with pytest.raises(UsageError, match="run 9"):
        reader.run_sql(tiny.settings_at(home), "select 1", run=9)


def test_rows_beyond_the_limit_are_announced_not_hidden(home):
    settings = tiny.settings_at(home)
    assert not reader.run_sql(settings, "from marts.fct_line", max_rows=10).truncated
    cut = reader.run_sql(settings, "from marts.fct_line", max_rows=9)
    assert (len(cut.rows), cut.truncated) == (9, True)
    whole = reader.run_sql(settings, "from range(5000)", max_rows=None)
    assert (len(whole.rows), whole.truncated) == (5000, False)


def test_a_question_that_never_ends_is_stopped(home):
    endless = "with recursive r(i) as (select 1 union all select i + 1 from r) select count(*) from r"
    started = time.monotonic()
    with pytest.raises(UsageError, match=r"Stopped after 0\.3 seconds"):
        reader.run_sql(tiny.settings_at(home), endless, timeout_seconds=0.3)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "glutton",
    [
        pytest.param("select count(distinct i) from range(400000000) r(i)", id="a hash table"),
        pytest.param("select length(repeat('x', 3000000000))", id="one huge text, which memory_limit does not see"),
        pytest.param("select len(range(4000000000))", id="one huge list"),
        pytest.param("select format('{:>2000000000}', 'x')", id="one huge width"),
    ],
)
def test_a_question_that_eats_memory_fails_and_the_next_one_is_answered(home, glutton):
    if glutton.startswith("select length") and not Path("/proc/self/statm").exists():
        pytest.skip("the bound on address space is a Linux one")
    settings = tiny.settings_at(home, memory_mb=128)
    with pytest.raises(UsageError, match=r"Memory|Stopped"):
        reader.run_sql(settings, glutton, timeout_seconds=20)
    assert reader.run_sql(settings, "select 1").rows == [(1,)]


def test_before_the_first_publish_the_way_to_it_is_named(tmp_path):
    with pytest.raises(UsageError, match="ratebook run"):
        reader.run_sql(tiny.settings_at(tmp_path), "select 1")


def test_csv_keeps_numbers_and_disarms_text_that_a_spreadsheet_would_run():
    result = reader.SqlResult(
        1,
        ("=name", "amount"),
        ("VARCHAR", "DECIMAL(38,24)"),
        [("=HYPERLINK(1)", Decimal("-1.5")), ("+1", -1), ("-x", None), ("@a", True), ("\tb", Decimal("0E-24")), ('plain, "q"', 0)],
        truncated=False,
    )  # fmt: skip
    assert reader.as_csv(result) == (
        "'=name,amount\n'=HYPERLINK(1),-1.5\n'+1,-1\n'-x,\n'@a,true\n'\tb,0.000000000000000000000000\n\"plain, \"\"q\"\"\",0\n"
    )
