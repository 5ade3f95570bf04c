"""The filters of a segment: may a key, or a prefix of keys, be in it?"""

from checksum import filter_places, key_hash
from damage import Cursor

GREATEST_LINES = 1 << 24


class Filters:
    def __init__(self, data, name, place):
        cursor = Cursor(data, name, place)
        algorithm, self.probes, self.rule, zero = (cursor.u8() for _ in range(4))
        self.number, keys, prefixes = cursor.u32(), cursor.u32(), cursor.u32()
        cursor.require(algorithm == 1, f"a filter of algorithm {algorithm}")
        cursor.require(1 <= self.probes <= 7, f"a filter with {self.probes} probes")
        cursor.require(zero == 0, "a filter's zero byte is not zero")
        cursor.require(self.rule <= 2, f"prefix rule {self.rule}")
        low, high = ((0, 0), (1, 65536), (1, 255))[self.rule]
        cursor.require(low <= self.number <= high, f"prefix rule {self.rule} with the number {self.number}")
        cursor.require(1 <= keys <= GREATEST_LINES, f"a filter of {keys} lines of keys")
        cursor.require(prefixes <= GREATEST_LINES, f"a filter of {prefixes} lines of prefixes")
        cursor.require(self.rule or not prefixes, "lines of prefixes without a rule")
        self.keys, self.prefixes = cursor.bytes(64 * keys), cursor.bytes(64 * prefixes)
        cursor.finish("the filters")

    def _may_have(self, lines, data):
        hash = key_hash(data)
        line = (hash * (len(lines) // 64) >> 64) * 64
        return all(lines[line + bit // 8] >> bit % 8 & 1 for bit in filter_places(hash, self.probes))

    def denies(self, key):
        """What the filters wrongly say is absent of a key that is there."""
        if not self._may_have(self.keys, key):
            return "key"
        prefix = self.prefix(key)
        if prefix is not None and not (self.prefixes and self._may_have(self.prefixes, prefix)):
            return "prefix"
        return None

    def prefix(self, key):
        if self.rule == 1:
            return key[: self.number] if len(key) >= self.number else None
        if self.rule == 2:
            end = 0
            for _ in range(self.number):
                end = _element_end(key, end)
                if end is None:
                    return None
            return key[:end]
        return None


def _element_end(key, at):
    if at >= len(key):
        return None
    code, at = key[at], at + 1
    if code in (1, 2):
        end = key.find(b"\0", at)
        return end + 1 if end >= 0 else None
    if 0x0C <= code <= 0x1C:
        at += abs(code - 0x14)
    elif code == 0x33:
        at += 8
    else:
        return None
    return at if at <= len(key) else None
