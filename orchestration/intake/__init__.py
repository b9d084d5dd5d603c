"""Intake: what the world delivered, decided once for ever and kept as immutable snapshots, one per delivery date."""

from orchestration.intake.findings import Finding
from orchestration.intake.snapshots import delivered_paths, read_manifest, snapshot_dates, snapshot_through

__all__ = ["Finding", "delivered_paths", "read_manifest", "snapshot_dates", "snapshot_through"]
