"""Files whose bytes are the same on every machine."""

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

STORED_BLOCK = 0xFFFF  # largest uncompressed block of RFC 1951


def stored_gzip(content: bytes) -> bytes:
    """Return a gzip file that stores its content uncompressed.

    A deflated file would differ between the zlib, zlib-ng and Apple builds that Python links to; this one cannot.
    """
    header = b"\x1f\x8b\x08\x00" + b"\x00" * 4 + b"\x00\xff"  # deflate, no name, no time, unknown system
    blocks = [content[start : start + STORED_BLOCK] for start in range(0, len(content), STORED_BLOCK)] or [b""]
    body = b"".join(
        struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ 0xFFFF) + block for block in blocks
    )
    return header + body + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFF_FFFF)


def with_raw_line(text: str, raw_line: str | None) -> str:
    """Put a line into the middle of a text file, where a truncated write would leave it."""
    if raw_line is None:
        return text
    lines = text.splitlines(keepends=True)
    middle = len(lines) // 2
    return "".join([*lines[:middle], raw_line, *lines[middle:]])


def manifest(folder: Path, claims: Mapping[str, tuple[int, Decimal]]) -> bytes:
    """Return the manifest of a delivery: its files with rows, SHA-256 and the sum of readable quantities."""
    files = [
        {
            "name": name,
            "rows": rows,
            "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
            "control_totals": {"quantity": f"{quantity:f}"},
        }
        for name, (rows, quantity) in claims.items()
    ]
    return (json.dumps({"files": files}, indent=2) + "\n").encode()
