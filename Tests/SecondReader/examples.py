"""Decodes the worked examples and the test vectors of format-spec.md: the page agrees with itself."""

import re

import batches
import manifest
from checksum import crc32c, filter_places, key_hash
from frames import GROUP, LOG, Frame, FrameReader, read_header_page
from segment import Segment


def example(text, name):
    """The bytes of an example; a line of dots stands for zeros up to the next line's offset."""
    block = re.search(rf"<!-- example:{name} -->\n```\n(.*?)```\n<!-- end -->", text, re.S)[1]
    result = bytearray()
    for row in block.splitlines():
        match = re.match(r"([0-9A-F]{4})  ((?:[0-9A-F]{2} ?)+) ", row + " ")
        if match:
            result = result.ljust(int(match[1], 16), b"\0") + bytes.fromhex(match[2])
    return bytes(result)


def expect(what, found, expected):
    if found != expected:
        raise SystemExit(f"{what}: {found!r}, and the specification says {expected!r}")
    print(f"{what}: as the specification says")


def check(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for data, checksum in ((b"", "00000000"), (b"123456789", "E3069283"), (bytes(32), "8A9136AA"),
                           (b"\xff" * 32, "62A8AB43"), (bytes(range(32)), "46DD794E")):
        found = f"{crc32c(data):08X}" if f"`{checksum}`" in text else "none"
        expect(f"checksum of {data[:9].hex()}…", found, checksum)
    vectors = re.findall(r"^\| (.+?) \| `([0-9a-f]{16})` \| ([0-9 ]+) \|$", text, re.M)
    expect("hash vectors", len(vectors), 8)
    for name, hash, places in vectors:
        named = {"(none)": b"", "`00`": b"\0", "`00 01 … 3f`": bytes(range(64))}
        data = named.get(name, name.strip('"').encode())
        found = f"{key_hash(data):016x} {' '.join(str(place) for place in filter_places(key_hash(data), 6))}"
        expect(f"hash of {name}", found, f"{hash} {places}")

    header = read_header_page("log-header", example(text, "log-header"), LOG)
    expect("log header", (header.number, header.salt, header.predecessor.number, header.predecessor.offset),
           (2, 0x1122334455667788, 1, 8192))

    frame = example(text, "frame")
    reader = FrameReader.__new__(FrameReader)
    reader.name, reader.data, reader.purpose, reader.stop = "frame", bytes(4096) + frame, LOG, None
    reader.header = header
    condition, found = reader.look(4096, 0x01020304, 1)
    expect("frame", condition, "valid")
    expect("batches", list(batches.operations("frame", found)),
           [(1, batches.SET, b"k", b"v"), (2, batches.REMOVE, b"old", None)])

    edit = manifest.read_edit(Frame(0, GROUP, 0, 1, 0, 0, example(text, "edit"), 0))
    segment = edit.added_segments[0]
    expect("edit", (edit.added_logs, edit.oldest_log, edit.removed_segments), ([7], 7, [6]))
    expect("numbers in an edit", (edit.last_sequence, edit.next_number), (300, 8))
    expect("segment in an edit", (segment.number, segment.level, segment.length), (5, 1, 4096))

    segment = Segment("segment", example(text, "segment"), 5)
    expect("segment", list(segment.entries()), [(b"apple", 3, 1, b"red"), (b"apricot", 4, 0, b"")])
    expect("range removals", segment.removals, [(b"b", b"c", 2)])
    return 0
