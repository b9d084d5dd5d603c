"""The demo company's files: the same everywhere, faulty exactly where they say, and countable."""

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from orchestration.demo import FIRST_DELIVERY, LAST_DELIVERY, DemoTruth, refuse_other_data, write_demo
from orchestration.demo.calendar import DAY_COUNT
from orchestration.demo.files import stored_gzip, with_raw_line
from orchestration.errors import UsageError

# Over names and content of the whole landing zone. It changes only together with the generator or its documents.
TREE_SHA256 = "791634ded7db96ba109a19158a8fa24527a2c671bffd6af74b44f721a91121ce"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoTruth]:
    landing = tmp_path_factory.mktemp("demo")
    return landing, write_demo(landing)


def _files(landing: Path) -> list[Path]:
    return sorted(path for path in landing.rglob("*") if path.is_file())


def _content(path: Path) -> bytes:
    """A file's bytes; of a Parquet file its rows, because its bytes also name the version of Polars that wrote it."""
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        return f"{[f'{name} {dtype}' for name, dtype in frame.schema.items()]}\n{frame.write_csv()}".encode()
    return path.read_bytes()


def _tree_sha256(landing: Path) -> str:
    tree = hashlib.sha256()
    for path in _files(landing):
        tree.update(f"{path.relative_to(landing).as_posix()} {hashlib.sha256(_content(path)).hexdigest()}\n".encode())
    return tree.hexdigest()


def _usage_rows(landing: Path) -> Iterator[int]:
    """Records of each usage file, counted without the code that wrote them."""
    for path in _files(landing / "usage_events"):
        if path.name.endswith(".csv.gz"):
            yield gzip.decompress(path.read_bytes()).count(b"\n") - 1
        elif path.name.endswith(".csv"):
            yield path.read_bytes().count(b"\n") - 1
        elif path.name.endswith(".ndjson"):
            yield path.read_bytes().count(b"\n")
        elif path.name.endswith(".parquet"):
            yield pl.read_parquet(path).height


def test_the_landing_zone_is_the_same_on_every_machine(demo):
    assert _tree_sha256(demo[0]) == TREE_SHA256


def test_two_calls_write_the_same_bytes(demo, tmp_path):
    landing, truth = demo
    assert write_demo(tmp_path) == truth
    first = {path.relative_to(landing): path.read_bytes() for path in _files(landing)}
    assert {path.relative_to(tmp_path): path.read_bytes() for path in _files(tmp_path)} == first


def test_a_landing_zone_of_the_demo_is_taken_for_one(demo):
    refuse_other_data(demo[0])


def test_a_landing_zone_with_other_files_is_refused(tmp_path):
    write_demo(tmp_path)
    (tmp_path / "usage_events" / "2026-08-01" / "own.csv").write_text("event_id\n")
    with pytest.raises(UsageError, match=r"holds 1 files .* usage_events/2026-08-01/own\.csv"):
        refuse_other_data(tmp_path)


def test_an_incomplete_demo_is_refused(tmp_path):
    write_demo(tmp_path)
    (tmp_path / "accounts" / "2026-09-01" / "accounts.csv").unlink()
    with pytest.raises(UsageError, match=r"lacks 1 .* accounts/2026-09-01/accounts\.csv"):
        refuse_other_data(tmp_path)


def test_the_demo_does_not_write_into_a_landing_zone_in_use(tmp_path):
    (tmp_path / "usage_events").mkdir()
    with pytest.raises(UsageError, match="already holds"):
        write_demo(tmp_path)


def test_a_demo_that_dies_while_it_is_written_leaves_no_landing_zone(tmp_path):
    def dies(line):
        if "writing" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo(tmp_path / "landing", progress=dies)
    assert list(tmp_path.iterdir()) == []


def test_every_row_of_a_dataset_has_one_fate(demo):
    for truth in demo[1].datasets.values():
        decided = truth.accepted_rows + truth.duplicate_rows + truth.conflict_rows + truth.rejected_rows
        assert truth.landed_rows == decided


def test_the_truth_counts_the_rows_that_are_in_the_files(demo):
    landing, truth = demo
    counts = list(_usage_rows(landing))
    assert len(counts) == truth.datasets["usage_events"].files
    assert sum(counts) == truth.datasets["usage_events"].landed_rows


def test_accepted_events_are_conserved_by_meter(demo):
    truth = demo[1]
    assert sum(truth.accepted_events.values()) == truth.datasets["usage_events"].accepted_rows


def test_every_day_of_the_quarter_brings_usage_in_one_of_four_formats(demo):
    folders = sorted((demo[0] / "usage_events").iterdir())
    assert [folders[0].name, folders[-1].name] == [FIRST_DELIVERY.isoformat(), LAST_DELIVERY.isoformat()]
    assert len(folders) == DAY_COUNT == 92
    endings = {path.name.split(".", 1)[1] for folder in folders for path in folder.iterdir()}
    assert endings == {"csv.gz", "csv", "ndjson", "parquet", "json"}


def test_the_demo_is_large_enough_to_be_real_and_small_enough_for_half_a_minute(demo):
    assert 90_000 <= demo[1].datasets["usage_events"].landed_rows <= 130_000


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"a", id="one byte"),
        pytest.param(b"x" * 0xFFFF, id="one full block"),
        pytest.param(b"xy" * 0xFFFF, id="several blocks"),
    ],
)
def test_a_stored_gzip_file_unpacks_to_its_content(content):
    assert gzip.decompress(stored_gzip(content)) == content


def test_a_raw_line_stands_in_the_middle():
    assert with_raw_line("1\n2\n3\n4\n", "x\n") == "1\n2\nx\n3\n4\n"
