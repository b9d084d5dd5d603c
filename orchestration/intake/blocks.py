"""Landed bytes as blocks that end where a record ends, with every way of being cut short noticed."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard

from orchestration.intake.findings import FileRefused

READ_BYTES = 1 << 20
BLOCK_BYTES = 32 << 20
RECORD_BYTES = 1 << 20
FIELD_BYTES = 64 << 10
# A bomb unpacks to a thousand times its size; the most repetitive honest feeds seen here reach about sixty.
UNPACKED_RATIO = 250
UNPACKED_FREE_BYTES = 64 << 20
UNPACKED_BYTES = 64 << 30

BOM = b"\xef\xbb\xbf"
WIDE_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True)
class Block:
    """Whole lines of a file: their text, the number of the first one, and whether the file ends here.

    `line_count` is counted on the bytes, so that a reader that loses a line is found out.
    """

    text: str
    first_line: int
    line_count: int
    has_quotes: bool


def text_blocks(
    path: Path, *, quoted_newlines: bool, may_end_open: bool, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """Yield the file's lines in blocks of about `block_bytes`, each cut at the end of a record.

    Lines end with LF, CRLF or, in a file without any LF, CR. `quoted_newlines`: a line end inside double quotes does
    not end a record (CSV). `may_end_open`: the last line may lack its line end, because a manifest vouches for it.
    Refuses: bytes that are not UTF-8, a last line without line end, a truncated or exploding compressed file.
    """
    carry, line, offset, first = b"", 1, 0, True
    only_cr = False
    for piece in _gathered(path, block_bytes):
        text = piece
        if first:
            text, offset = _without_bom(piece)
            only_cr = b"\n" not in text and b"\r" in text
            first = False
        carry += text.replace(b"\r", b"\n") if only_cr else text
        cut = _last_record_end(carry) if quoted_newlines else carry.rfind(b"\n") + 1
        if cut == 0:
            _refuse_endless_record(carry, line)
            continue
        block = _block(carry[:cut], line, offset)
        yield block
        carry, line, offset = carry[cut:], line + block.line_count, offset + cut
    if carry:
        ends_open = not carry.endswith(b"\n")
        if ends_open and not may_end_open:
            raise FileRefused(
                "last_line_incomplete",
                "The last line has no line end, so the file may have been cut short.",
                "Deliver the whole file, or a _manifest.json that states its rows and sha256.",
                line=line + carry.count(b"\n"),
            )
        yield _block(carry + (b"\n" if ends_open else b""), line, offset)


def unpacked(path: Path) -> Iterator[bytes]:
    """Yield the file's bytes, decompressed by its ending, within the caps."""
    size = path.stat().st_size
    total = 0
    with path.open("rb") as file:
        try:
            for piece in _pieces(file, path.name):
                total += len(piece)
                if total > UNPACKED_BYTES or (total > UNPACKED_FREE_BYTES and total > UNPACKED_RATIO * max(size, 1)):
                    raise FileRefused(
                        "unpacks_too_large",
                        f"{size:,} bytes unpack to more than {total:,}, which no usage file does.",
                        "Deliver the file in smaller parts.",
                    )
                yield piece
        except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
            raise FileRefused(
                "compressed_file_broken",
                f"Unexpected end or damage of the compressed file at byte {file.tell():,} of {size:,}: {error}.",
                "Deliver the whole file again.",
            ) from None


def _pieces(file: BinaryIO, name: str) -> Iterator[bytes]:
    if name.endswith(".gz"):
        with gzip.GzipFile(fileobj=file) as unzipped:
            while piece := unzipped.read(READ_BYTES):
                yield piece
    elif name.endswith(".zst"):
        yield from _zstd_pieces(file)
    else:
        while piece := file.read(READ_BYTES):
            yield piece


def _zstd_pieces(file: BinaryIO) -> Iterator[bytes]:
    # The stream reader of the library ends quietly on a truncated frame; the object knows whether it saw the end.
    # One KiB at a time, because a KiB of zstd can unpack to tens of megabytes before anybody counts.
    decompressor = zstandard.ZstdDecompressor()
    frame = decompressor.decompressobj()
    started = False
    while piece := file.read(1 << 10):
        while piece:
            started = True
            yield frame.decompress(piece)
            piece = frame.unused_data if frame.eof else b""
            if frame.eof:
                frame, started = decompressor.decompressobj(), False
    if started:
        raise EOFError("the last frame is not complete")


def _gathered(path: Path, block_bytes: int) -> Iterator[bytes]:
    parts: list[bytes] = []
    held = 0
    for piece in unpacked(path):
        parts.append(piece)
        held += len(piece)
        if held >= block_bytes:
            yield b"".join(parts)
            parts, held = [], 0
    if held:
        yield b"".join(parts)


def _without_bom(piece: bytes) -> tuple[bytes, int]:
    for mark, name in WIDE_BOMS.items():
        if piece.startswith(mark):
            raise FileRefused("not_utf8", f"The file is {name} (byte offset 0).", "Deliver it as UTF-8.")
    return (piece[len(BOM) :], len(BOM)) if piece.startswith(BOM) else (piece, 0)


def _last_record_end(data: bytes) -> int:
    """Return the offset behind the last line end outside quotes, or behind the last one at all if none is near.

    A record longer than the cap is a quote that never closes; the reader names it and goes on with the next line.
    """
    last = data.rfind(b"\n")
    if last < 0:
        return 0
    candidate = last
    is_open = data.count(b'"', 0, candidate) % 2 == 1
    while is_open and last - candidate < RECORD_BYTES:
        earlier = data.rfind(b"\n", 0, candidate)
        if earlier < 0:
            return 0 if len(data) < RECORD_BYTES else last + 1
        is_open ^= data.count(b'"', earlier, candidate) % 2 == 1
        candidate = earlier
    return (last if is_open else candidate) + 1


def _refuse_endless_record(data: bytes, line: int) -> None:
    if len(data) > RECORD_BYTES and b"\n" not in data:
        raise FileRefused(
            "record_too_long",
            f"Line {line} is longer than {RECORD_BYTES:,} bytes.",
            "End each record with a line end.",
            line=line,
        )


def _block(data: bytes, first_line: int, offset: int) -> Block:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileRefused(
            "not_utf8",
            f"Byte {data[error.start]:#04x} at byte offset {offset + error.start:,} is not UTF-8.",
            "Deliver the file as UTF-8.",
            line=first_line + data.count(b"\n", 0, error.start),
        ) from None
    return Block(text, first_line, data.count(b"\n"), b'"' in data)
