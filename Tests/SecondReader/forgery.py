"""Copies of a store with one byte changed and all checksums put right again: what no accident makes, and nobody
may be harmed by. Engine and second reader are to judge them alike, which shows whether the page says all that
is checked."""

import os
import random
import struct

from checksum import crc32c, u64s
from frames import HEADER, LOG, MANIFEST, FrameReader
from segment import FOOTER, Segment
from store import Store, name_of
from valuefile import ValueFile


def _change(data, offset, generator):
    data[offset] = (data[offset] + generator.choice((1, 0x80, 0xFF, generator.randrange(1, 256)))) & 0xFF


def _seal(data, place, *parts):
    struct.pack_into("<I", data, place, crc32c(*parts))


def _frame_file(name, data, purpose, generator):
    """A byte of one frame; the frames behind it name the new checksums."""
    frames, chain, in_payload = FrameReader(name, bytes(data), purpose).read().frames, None, True
    chosen = generator.randrange(-1, len(frames))
    if chosen < 0:
        _change(data, generator.randrange(8, 64), generator)
        _seal(data, 4092, data[:4092])
        (chain,) = struct.unpack_from("<I", data, 4092)
    for index, frame in enumerate(frames):
        start, payload = frame.offset, frame.offset + HEADER
        end = payload + len(frame.payload)
        if index < chosen:
            continue
        if chain is not None:
            struct.pack_into("<I", data, start + 48, chain)
        if index == chosen:
            in_payload = end > payload and generator.random() < 0.75
            first, last = (payload, end) if in_payload else (start + 8, start + 61)
            _change(data, generator.randrange(first, last), generator)
        if index != chosen or in_payload:
            _seal(data, start + 52, data[payload:end])
        _seal(data, start + 4, data[start + 8 : start + HEADER])
        (chain,) = struct.unpack_from("<I", data, start + 4)


def _footer(data, generator):
    place = len(data) - FOOTER
    _change(data, place + generator.randrange(112), generator)
    number, salt = struct.unpack_from("<QQ", data, place)
    _seal(data, place + 112, data[place : place + 112], data[place + 116 :], u64s(number, salt, place))


def _segment(name, data, number, listed, generator):
    if generator.random() < 0.15:
        return _footer(data, generator)
    segment = Segment(name, bytes(data), number, listed.base, listed.raw_properties)
    blocks = [(start, stored) for _, _, start, stored in segment.index] * 2
    pairs = struct.unpack_from("<6Q", data, len(data) - 112) + struct.unpack_from("<4Q", data, len(data) - 56)
    blocks += [pair for pair in zip(pairs[::2], pairs[1::2]) if pair != (0, 0)]
    start, stored = generator.choice(blocks)
    # What is counted stands at the beginning, how it is compressed behind the end.
    within = generator.choice((generator.randrange(stored), generator.randrange(min(stored, 16)), stored))
    _change(data, start + within, generator)
    seal = u64s(number, segment.salt, start)
    _seal(data, start + stored + 5, data[start : start + stored + 5], seal)


def _value_file(name, data, number, generator):
    file, place = ValueFile(name, bytes(data), number), len(data) - FOOTER
    part = generator.randrange(3)
    if part == 0:
        return _footer(data, generator)
    if part == 1:
        (index,) = struct.unpack_from("<Q", data, place + 16)
        _change(data, generator.randrange(index, place - 4), generator)
        return _seal(data, place - 4, data[index : place - 4], u64s(number, file.salt, index))
    record = generator.choice(list(file.records))
    raw, start, end = file.records[record]
    chunks = file.chunk_count(record)
    table = end - 8 * chunks - 4
    if table == start:
        return _footer(data, generator)
    _change(data, generator.randrange(start, end - 4), generator)
    for chunk in range(chunks):
        (stored,) = struct.unpack_from("<I", data, table + 8 * chunk)
        _seal(data, table + 8 * chunk + 4, data[start : start + stored], u64s(number, file.salt, start))
        start += stored
    _seal(data, end - 4, data[table : end - 4], u64s(*record, raw, number, file.salt, table))


def forge(path, count, seed, folder):
    """Writes the copies below `folder`, and yields the path of each."""
    store, generator = Store(path), random.Random(seed)
    files = {name: store.directory.read(name) for name in store.directory.names}
    listed = [file["file"] for file in store.summary if not file.get("stray")]
    for index in range(count):
        # The manifest twice: there is most to say wrong.
        name = generator.choice(listed + ["MANIFEST"])
        changed = bytearray(files[name])
        number, kind = store.directory.numbered.get(name, (0, "manifest"))
        if kind == "segment":
            _segment(name, changed, number, store.listed.segments[number], generator)
        elif kind == "values":
            _value_file(name, changed, number, generator)
        else:
            _frame_file(name, changed, LOG if kind == "log" else MANIFEST, generator)
        copy = os.path.join(folder, f"{index:04d}")
        os.makedirs(copy)
        for other, data in files.items():
            with open(os.path.join(copy, other), "wb") as file:
                file.write(changed if other == name else data)
        yield copy
