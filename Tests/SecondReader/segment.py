"""A segment: footer, blocks, and every check that a reader must make."""

import struct
from dataclasses import dataclass

import properties
import zstd
from batches import GREATEST_BOUND, GREATEST_KEY, GREATEST_VALUE
from checksum import fits, u64s
from damage import Cursor, StoreError, Undecodable, Unsupported
from filters import Filters
from frames import SEQUENCE_LIMIT

REMOVAL, VALUE, HANDLE = 0, 1, 2
FOOTER = 128
GREATEST_BLOCK = (1 << 31) - 1
GREATEST_DICTIONARY = 131072


def read_footer(name, data, number, magic):
    """The bytes of a footer that is good, its salt and its offset. The same for segments and value files."""
    place = len(data) - FOOTER
    if place < 0:
        raise StoreError(name, 0, "shorter than a footer")
    footer = data[place:]
    if footer[120:] != magic:
        raise StoreError(name, place, f"does not end with {magic.decode()}")
    checksum, version = struct.unpack_from("<II", footer, 112)
    if version != 1:
        raise Unsupported(name, place, f"format version {version}")
    found, salt = struct.unpack_from("<QQ", footer)
    if not fits(checksum, footer[:112], footer[116:], u64s(found, salt, place)):
        raise StoreError(name, place, "the footer fails its checksum")
    if found != number:
        raise StoreError(name, place, f"the footer says that this is file {found}")
    return footer, salt, place


@dataclass
class Handle:
    origin: int
    ordinal: int
    raw: int
    stored: int


def read_handle(data, name, place):
    cursor = Cursor(data, name, place)
    kind = cursor.u8()
    cursor.require(kind == 1, f"a handle of kind {kind}")
    handle = Handle(*(cursor.varint() for _ in range(4)))
    cursor.finish("a handle")
    return handle


class Segment:
    """`base` is added to every sequence number; `listed` are the properties that the manifest repeats."""

    def __init__(self, name, data, number, base=0, listed=None):
        self.name, self.data, self.number, self.base = name, data, number, base
        self.dictionary = b""
        self.dictionary_used, self.compressed_blocks = False, 0
        footer, self.salt, place = read_footer(name, data, number, b"CAIRNSEG")
        if any(footer[64:72]) or any(footer[104:112]):
            raise StoreError(name, place, "reserved bytes of the footer are not zero")
        pairs = struct.unpack_from("<6Q", footer, 16) + struct.unpack_from("<4Q", footer, 72)
        index, removals, props, filters, dictionary = zip(pairs[::2], pairs[1::2])
        present = [dictionary, index, removals, filters, props]
        present = [part for part in present if part in (index, props) or part != (0, 0)]
        for part, after in zip(present, [part[0] for part in present[1:]] + [place]):
            if part[1] > GREATEST_BLOCK or part[0] + part[1] + 9 != after:
                raise StoreError(name, place, f"the part at {part[0]} does not end where the next begins")
        self.data_end = present[0][0]
        raw = self.block(*props)
        self.properties = properties.read(raw, name, props[0])
        if self.properties.number != number:
            self.fail(props[0], "the properties name another file")
        if listed is not None and raw != listed:
            self.fail(props[0], "the properties are not those that the manifest repeats")
        if dictionary != (0, 0):
            self.dictionary = self._dictionary(*dictionary)
        self.removals = self._removals(removals)
        self.filters = None
        if filters != (0, 0):
            if not self.properties.entries:
                self.fail(filters[0], "filters without entries")
            self.filters = Filters(self.block(*filters), name, filters[0])
        self.index = self._index(*index)

    def fail(self, place, what):
        raise StoreError(self.name, place, what)

    def block(self, offset, length, is_data=False):
        """The payload of the block at an offset."""
        if length > GREATEST_BLOCK or offset + length + 9 > len(self.data):
            self.fail(offset, "a block that reaches past the end")
        stored = self.data[offset : offset + length]
        tail = self.data[offset + length : offset + length + 9]
        compression, size, checksum = struct.unpack("<BII", tail)
        if not fits(checksum, stored, tail[:5], u64s(self.number, self.salt, offset)):
            self.fail(offset, "a block fails its checksum")
        if compression == 0:
            if size != length:
                self.fail(offset, "a block whose two lengths differ")
            return stored
        if compression > 2 or (compression == 2 and not is_data):
            self.fail(offset, f"a block of compression {compression}")
        if compression == 2 and not self.dictionary:
            self.fail(offset, "a block refers to a dictionary, and there is none")
        if size > GREATEST_BLOCK or size > max(1 << 20, 1024 * length):
            self.fail(offset, f"a block of {length} bytes that unfolds to {size}")
        return self._unfold(stored, size, self.dictionary if compression == 2 else b"", offset)

    def _unfold(self, stored, size, dictionary, offset):
        self.dictionary_used |= bool(dictionary)
        self.compressed_blocks += 1
        try:
            if zstd.content_size(stored) != size:
                self.fail(offset, "a zstd frame states another length than its block")
            payload = zstd.decompress(stored, size, dictionary)
        except zstd.NotAFrame as wrong:
            self.fail(offset, str(wrong))
        except zstd.NoDecoder:
            raise Undecodable(self.name, offset, "neither libzstd nor the program zstd is here") from None
        if payload is None:
            self.fail(offset, "a zstd frame does not unfold to what it states")
        return payload

    def _dictionary(self, offset, length):
        if length > GREATEST_DICTIONARY or self.data[offset + length] != 0:
            self.fail(offset, "a dictionary that is too long, or compressed")
        result = self.block(offset, length)
        if result[:4] != zstd.DICTIONARY_MAGIC or not any(result[4:8]):
            self.fail(offset, "no zstd dictionary with an identifier")
        return result

    def _sequence(self, cursor, sequence):
        cursor.require(
            self.properties.smallest <= sequence <= self.properties.largest,
            "a sequence number that the properties do not cover",
        )
        cursor.require(self.base + sequence < SEQUENCE_LIMIT, "a sequence number that is too great")
        return self.base + sequence

    def _removals(self, part):
        """(lower, upper or None, sequence) of each range removal."""
        count = 0
        result = []
        if part != (0, 0):
            cursor = Cursor(self.block(*part), self.name, part[0])
            count = cursor.u32()
            cursor.require(count, "a block of no range removals")
            for _ in range(count):
                sequence, bounded = self._sequence(cursor, cursor.u64()), cursor.u8()
                cursor.require(bounded <= 1, "a range that is neither bounded nor not")
                lower = cursor.string(GREATEST_BOUND, "a bound")
                upper = cursor.string(GREATEST_BOUND, "a bound") if bounded else None
                cursor.require(upper is None or lower < upper, "a range removal of nothing")
                cursor.require(
                    not result or (result[-1][0], -result[-1][2]) <= (lower, -sequence),
                    "range removals that are out of order",
                )
                cursor.require(
                    self.properties.has_range_within(lower, upper), "a range removal that is out of bounds"
                )
                result.append((lower, upper, sequence))
            cursor.finish("the range removals")
        if count != self.properties.range_removals:
            self.fail(part[0], "another number of range removals than the properties say")
        return result

    def entries_of(self, payload, place, is_data):
        """(key, trailer, value) of each entry of a block, in order."""
        cursor = Cursor(payload, self.name, place)
        count = cursor.u32()
        cursor.require(count <= cursor.left // 10, f"{count} entries are said to follow")
        cursor.require(count or not is_data, "a data block without entries")
        prefix = cursor.string(GREATEST_KEY, "a prefix")
        result = []
        for _ in range(count):
            trailer, suffix, length = cursor.u64(), cursor.varint(), cursor.varint()
            cursor.require(suffix + len(prefix) <= GREATEST_KEY, "a key that is too long")
            cursor.require(length <= GREATEST_VALUE, "a value that is too long")
            key, value = prefix + cursor.bytes(suffix), cursor.bytes(length)
            cursor.require(trailer & 0xFF <= HANDLE, f"an entry of kind {trailer & 0xFF}")
            self._sequence(cursor, trailer >> 8)
            if is_data:
                cursor.require(trailer & 0xFF != REMOVAL or not value, "a removal with a value")
            cursor.require(
                not result or (result[-1][0], -result[-1][1]) < (key, -trailer),
                "entries that are out of order",
            )
            result.append((key, trailer, value))
        cursor.finish("a block of entries")
        return result

    def _index(self, offset, length):
        result, end = [], 0
        for key, trailer, value in self.entries_of(self.block(offset, length), offset, False):
            cursor = Cursor(value, self.name, offset)
            start, stored = cursor.varint(), cursor.varint()
            cursor.finish("a place in the index")
            cursor.require(start == end, f"a block begins at {start}, and the one before ends at {end}")
            end = start + stored + 9
            result.append((key, trailer, start, stored))
        if end != self.data_end:
            self.fail(offset, f"the blocks end at {end}, and what follows begins at {self.data_end}")
        if len(result) != self.properties.blocks or bool(result) != bool(self.properties.entries):
            self.fail(offset, "another number of blocks than the properties say")
        return result

    def entries(self):
        """(key, sequence, kind, value or Handle) of every entry. Counts are checked at the end."""
        before, counts, sizes, referenced = None, [0, 0, 0], [0, 0], 0
        for key, trailer, start, stored in self.index:
            entries = self.entries_of(self.block(start, stored, is_data=True), start, True)
            if entries[0][:2] != (key, trailer):
                self.fail(start, "a block begins with another entry than the index says")
            if before is not None and before >= (key, -trailer):
                self.fail(start, "a block begins before the one in front of it ends")
            before = (entries[-1][0], -entries[-1][1])
            for key, trailer, value in entries:
                kind = trailer & 0xFF
                if not self.properties.has_within(key):
                    self.fail(start, "a key is out of the bounds that the properties name")
                wrong = self.filters.denies(key) if self.filters else None
                if wrong:
                    self.fail(start, f"the filters deny the {wrong} of the key {key.hex()}")
                counts[kind] += 1
                sizes[0] += len(key)
                sizes[1] += len(value)
                if kind == HANDLE:
                    value = read_handle(value, self.name, start)
                    referenced += value.stored
                yield key, self.base + (trailer >> 8), kind, value
        told = self.properties
        found = (counts[VALUE] + counts[HANDLE], counts[REMOVAL], sizes[0], sizes[1], referenced)
        if found != (told.values, told.removals, told.raw_key_bytes, told.raw_value_bytes, told.referenced):
            self.fail(len(self.data) - FOOTER, f"the properties count otherwise than what is there: {found}")
        if self.dictionary and not self.dictionary_used:
            self.fail(self.data_end, "a dictionary that no block refers to")
