"""The graph as one line per asset, for review: `python -m tests.orchestration.dagster.graph` writes graph.txt."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

SNAPSHOT = Path(__file__).with_name("graph.txt")


def drawn(definitions: dg.Definitions) -> str:
    """Return `group  key <- dependencies`, in the order of the flow."""
    specs = sorted(definitions.resolve_all_asset_specs(), key=lambda spec: (spec.group_name, spec.key))
    return "\n".join(f"{spec.group_name:11}  {_name(spec.key)}{_arrow(spec.deps)}" for spec in specs) + "\n"


def _arrow(deps: Sequence[dg.AssetDep]) -> str:
    names = sorted(_name(dep.asset_key) for dep in deps)
    return f" <- {', '.join(names)}" if names else ""


def _name(key: dg.AssetKey) -> str:
    return key.to_user_string()


if __name__ == "__main__":
    from orchestration.definitions import night_definitions
    from orchestration.settings import Settings

    with tempfile.TemporaryDirectory() as scratch:
        SNAPSHOT.write_text(drawn(night_definitions(Settings(home=Path(scratch)))), encoding="utf-8")
