"""The properties of a segment, in its own block and in the manifest."""

from dataclasses import dataclass

from batches import GREATEST_BOUND
from damage import Cursor, Unsupported

INCLUSIVE, EXCLUSIVE, UNBOUNDED = 0, 1, 2


@dataclass
class SegmentProperties:
    number: int
    values: int
    removals: int
    range_removals: int
    blocks: int
    smallest: int
    largest: int
    raw_key_bytes: int
    raw_value_bytes: int
    referenced: int
    superseded: int
    upper_kind: int
    lower: bytes
    upper: bytes

    @property
    def entries(self):
        return self.values + self.removals

    def has_within(self, key):
        if key < self.lower or (self.upper_kind == EXCLUSIVE and key >= self.upper):
            return False
        return self.upper_kind != INCLUSIVE or key <= self.upper

    def has_range_within(self, lower, upper):
        """Whether a range removal, unbounded where `upper` is None, is within the bounds."""
        if lower < self.lower:
            return False
        return self.upper_kind == UNBOUNDED or (upper is not None and upper <= self.upper) or (
            # [a, a with a zero) is the key a alone, and the least bound behind an inclusive one.
            self.upper_kind == INCLUSIVE and upper == self.upper + b"\0"
        )

    def ends_before(self, other):
        """Whether no key can be in both, with this one in front."""
        if self.upper_kind == UNBOUNDED:
            return False
        return self.upper < other.lower or (self.upper_kind == EXCLUSIVE and self.upper == other.lower)


def read(data, name, place):
    cursor = Cursor(data, name, place)
    version = cursor.u32()
    if version != 1:
        raise Unsupported(name, place, f"segment properties of version {version}")
    numbers = [cursor.u64() for _ in range(11)]
    kind = cursor.u8()
    cursor.require(kind <= UNBOUNDED, f"an upper bound of kind {kind}")
    lower = cursor.string(GREATEST_BOUND, "a lower bound")
    upper = b"" if kind == UNBOUNDED else cursor.string(GREATEST_BOUND, "an upper bound")
    result = SegmentProperties(*numbers, kind, lower, upper)
    cursor.finish("a segment's properties")
    cursor.require(result.smallest <= result.largest, "the smallest sequence is above the largest")
    cursor.require(
        kind == UNBOUNDED or lower < upper or (kind == INCLUSIVE and lower == upper), "bounds that contradict"
    )
    cursor.require(result.entries or result.range_removals, "a segment of nothing")
    cursor.require(result.superseded <= result.entries, "more superseded entries than entries")
    cursor.require(result.blocks <= result.entries, "more data blocks than entries")
    return result
