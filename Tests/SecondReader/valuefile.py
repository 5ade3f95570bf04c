"""A value file: records of large values, called by origin and ordinal."""

import struct

import zstd
from batches import GREATEST_VALUE
from checksum import fits, u64s
from damage import StoreError, Undecodable
from ordinals import ORDINAL_LIMIT
from segment import read_footer

CHUNK = 1 << 17


class ValueFile:
    def __init__(self, name, data, number):
        self.name, self.data, self.number = name, data, number
        footer, self.salt, place = read_footer(name, data, number, b"CAIRNVAL")
        if any(footer[32:112]):
            self.fail(place, "reserved bytes of the footer are not zero")
        index, count = struct.unpack_from("<QQ", footer, 16)
        if not count or index + 24 * count + 4 != place:
            self.fail(place, f"an index of {count} records at {index} does not reach to the footer")
        entries = data[index : place - 4]
        if not fits(struct.unpack("<I", data[place - 4 : place])[0], entries, u64s(number, self.salt, index)):
            self.fail(index, "the index fails its checksum")
        self.records = {}
        before, start, own = (0, 0), 0, 0
        for origin, ordinal, raw, end in struct.iter_unpack("<QIIQ", entries):
            if self.records and (origin, ordinal) <= before:
                self.fail(index, f"the record {origin}/{ordinal} is out of order")
            if not 1 <= origin <= number or ordinal >= ORDINAL_LIMIT:
                self.fail(index, f"the record {origin}/{ordinal} cannot be here")
            if origin == number and ordinal != own:
                self.fail(index, f"the file's own record {own} is missing")
            own += origin == number
            chunks = -(-raw // CHUNK)
            if raw > GREATEST_VALUE or not 9 * chunks + 4 <= end - start <= 8 * chunks + 4 + raw:
                self.fail(index, f"the record {origin}/{ordinal} has a length that cannot be")
            self.records[origin, ordinal] = (raw, start, end)
            before, start = (origin, ordinal), end
        if start != index:
            self.fail(index, "the last record does not end at the index")

    def fail(self, place, what):
        raise StoreError(self.name, place, what)

    def origins(self):
        """Record count and stored bytes of each origin, as a manifest says them."""
        result = {}
        for (origin, _), (_, start, end) in self.records.items():
            count, stored = result.get(origin, (0, 0))
            result[origin] = (count + 1, stored + end - start)
        return result

    def raw_bytes(self):
        return sum(raw for raw, _, _ in self.records.values())

    def most_chunks(self):
        return max(self.chunk_count(record) for record in self.records)

    def chunk_count(self, name):
        return -(-self.records[name][0] // CHUNK)

    def value(self, name):
        raw, start, end = self.records[name]
        chunks = self.chunk_count(name)
        table = end - 8 * chunks - 4
        entries = self.data[table : end - 4]
        seal = u64s(*name, raw, self.number, self.salt, table)
        if not fits(struct.unpack("<I", self.data[end - 4 : end])[0], entries, seal):
            self.fail(table, "a chunk table fails its checksum")
        places, at = [], start
        for index, (stored, checksum) in enumerate(struct.iter_unpack("<II", entries)):
            size = min(CHUNK, raw - index * CHUNK)
            if not 1 <= stored <= size:
                self.fail(table, f"a chunk of {size} bytes stored in {stored}")
            places.append((at, stored, size, checksum))
            at += stored
        if at != table:
            self.fail(table, "the chunks do not fill their record")
        return b"".join(self._chunk(*place) for place in places)

    def _chunk(self, at, stored, size, checksum):
        chunk = self.data[at : at + stored]
        if not fits(checksum, chunk, u64s(self.number, self.salt, at)):
            self.fail(at, "a chunk fails its checksum")
        if stored == size:
            return chunk
        try:
            if zstd.content_size(chunk) != size:
                self.fail(at, "a zstd frame states another length than its chunk")
            value = zstd.decompress(chunk, size)
        except zstd.NotAFrame as wrong:
            self.fail(at, str(wrong))
        except zstd.NoDecoder:
            raise Undecodable(self.name, at, "neither libzstd nor the program zstd is here") from None
        if value is None:
            self.fail(at, "a zstd frame does not unfold to what it states")
        return value
