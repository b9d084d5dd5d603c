"""The project's own rules: what stands at the top level, pins with reasons, nothing of one machine in the files."""

import importlib.metadata
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

TOP_LEVEL = {
    ".ci", ".gitattributes", ".gitignore", ".sqlfluff", "CHANGELOG.md", "LICENSE", "README.md", "constraints.txt",
    "data_contracts", "dbt_project", "orchestration", "pyproject.toml", "tests", "transforms", "workspace.yaml",
}  # fmt: skip
# Hosts that a file may name: documentation and identifiers, never a place that a set-up fetches from.
KNOWN_HOSTS = {"www.apache.org", "localhost", "127.0.0.1", "json-schema.org", "example.com", "example.org"}
HOST = re.compile(r"\b(?:https?|wss?|ftp)://([A-Za-z0-9.-]+)")
MACHINE_PATH = re.compile(r"(?<![\w./~-])/(?:root|home|work|Users|opt|mnt|workspace)/\w")
PACKAGE_SOURCE = re.compile(r"(?:--|_)(?:extra-)?index[-_]url|find[-_]links|trusted[-_]host", re.IGNORECASE)


@pytest.fixture(scope="module")
def tracked(root: Path) -> list[Path]:
    """Return the tracked files, or skip where the checkout is not a git one."""
    if shutil.which("git") is None or not (root / ".git").exists():
        pytest.skip("not a git checkout: which files belong to it is unknown")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (root / name).is_file()]


@pytest.fixture(scope="module")
def lines(root: Path, tracked: list[Path]) -> list[tuple[str, str]]:
    """Return each line of each tracked text file with its place."""
    found = []
    for path in tracked:
        content = (root / path).read_bytes()
        if b"\0" in content or path.suffix in {".gz", ".zst", ".parquet"}:
            continue
        numbered = enumerate(content.decode("utf-8").splitlines(), 1)
        found += [(f"{path}:{number}", line) for number, line in numbered]
    return found


@pytest.fixture(scope="module")
def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pins(root: Path) -> dict[str, str]:
    text = (root / "constraints.txt").read_text(encoding="utf-8")
    return dict(line.split("==") for line in text.splitlines() if not line.startswith("#"))


def test_the_top_level_is_fixed(tracked: list[Path]):
    assert {path.parts[0] for path in tracked} - TOP_LEVEL == set()


def test_no_file_names_a_host_that_it_might_fetch_from(lines: list[tuple[str, str]]):
    named = [f"{place} {host}" for place, line in lines for host in HOST.findall(line) if host not in KNOWN_HOSTS]
    assert named == [], "write it without the host, or add a documentation host to KNOWN_HOSTS"


def test_no_file_holds_a_path_of_one_machine(lines: list[tuple[str, str]]):
    assert [f"{place} {line.strip()}" for place, line in lines if MACHINE_PATH.search(line)] == []


def test_no_file_says_where_packages_come_from(lines: list[tuple[str, str]]):
    here = str(Path(__file__).relative_to(Path(__file__).parents[2]))
    found = [place for place, line in lines if PACKAGE_SOURCE.search(line) and not place.startswith(here)]
    assert found == [], "that is each machine's own configuration"


def asked(project: dict) -> list[Requirement]:
    """Return what the project and all its extras require; an extra that names another extra adds nothing of its own."""
    about = project["project"]
    extras = [text for listed in about["optional-dependencies"].values() for text in listed]
    wanted = [Requirement(text) for text in (*about["dependencies"], *extras)]
    return [each for each in wanted if each.name != about["name"]]


def test_every_dependency_gives_its_reason(root: Path):
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(r'^    "([A-Za-z][\w.-]*(?:\[\w+\])?(?:[<>=!~]=?[^"]*))",(.*)$', text, re.MULTILINE)
    declared = {canonicalize_name(Requirement(requirement).name) for requirement, _ in listed}
    silent = [requirement for requirement, comment in listed if len(comment.split()) < 4]
    assert len(declared) >= 20, "the pattern above no longer finds the dependencies"
    assert silent == [], "write after each dependency why it is there and why it is capped"


def test_constraints_hold_versions_and_nothing_else(root: Path):
    text = (root / "constraints.txt").read_text(encoding="utf-8")
    odd = [
        line for line in text.splitlines() if not line.startswith("#") and not re.fullmatch(r"[a-z0-9-]+==[\w.]+", line)
    ]
    assert odd == []


def test_constraints_keep_what_the_project_asks_for(project: dict, pins: dict[str, str]):
    outside = [
        str(one) for one in asked(project) if not one.specifier.contains(pins.get(canonicalize_name(one.name), "0"))
    ]
    assert outside == []


def test_constraints_name_everything_that_gets_installed(project: dict, pins: dict[str, str]):
    """Walk what the installed packages require: a name without a pin would float."""
    waiting = asked(project)
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        if (name, frozenset(one.extras)) in seen:
            continue
        seen.add((name, frozenset(one.extras)))
        required = map(Requirement, importlib.metadata.requires(name) or [])
        waiting += [each for each in required if _applies(each, one.extras)]
    assert sorted({name for name, _ in seen} - set(pins)) == []


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({**default_environment(), "extra": extra}) for extra in (*extras, ""))


def test_the_refusal_of_other_pythons_agrees_with_the_project(project: dict):
    from orchestration.__main__ import refusal

    asked = SpecifierSet(project["project"]["requires-python"])
    versions = [(3, minor, 5) for minor in range(8, 17)]
    assert [refusal(version, "linux") is None for version in versions] == [
        asked.contains(".".join(map(str, version))) for version in versions
    ]


def test_the_readme_opens_with_the_two_commands(root: Path):
    blocks = re.findall(
        r"^```sh\n(.*?)^```", (root / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert blocks[:2] == ["python3 -m orchestration demo\n", "python3 -m orchestration test\n"]
