"""Sets of ordinals, and what a manifest says of value files: properties, liveness and drops."""

from dataclasses import dataclass

ORDINAL_LIMIT = (1 << 32) - 1


def read_set(cursor):
    """Ascending ranges, as (first, after the last)."""
    ranges, end = [], 0
    for index in range(cursor.varint()):
        skipped = cursor.varint()
        cursor.require(index == 0 or skipped, "two ranges of ordinals that touch")
        first = end + skipped
        end = first + cursor.varint() + 1
        cursor.require(end <= ORDINAL_LIMIT, "an ordinal that is too great")
        ranges.append((first, end))
    return ranges


def size(ranges):
    return sum(end - first for first, end in ranges)


def contains(ranges, ordinal):
    return any(first <= ordinal < end for first, end in ranges)


def union(left, right):
    """All of both; None if they have an ordinal in common."""
    result = []
    for first, end in sorted(left + right):
        if result and first < result[-1][1]:
            return None
        if result and first == result[-1][1]:
            result[-1] = (result[-1][0], end)
        else:
            result.append((first, end))
    return result


@dataclass
class Liveness:
    origin: int
    count: int
    stored: int
    dead: list
    dead_stored: int

    @property
    def live_count(self):
        return self.count - size(self.dead)

    @property
    def live_stored(self):
        return self.stored - self.dead_stored

    def contradiction(self):
        if not self.origin or not self.count:
            return "an origin, or a record count, of zero"
        if self.dead and self.dead[-1][1] > self.count:
            return "a dead record that never was"
        if self.dead_stored > self.stored:
            return "more bytes are dead than there are"
        for what, count, stored in (
            ("dead", size(self.dead), self.dead_stored), ("live", self.live_count, self.live_stored),
        ):
            if stored < 4 * count or (stored and not count):
                return f"{stored} bytes of {count} {what} records"
        return None


def read_liveness(cursor):
    result = Liveness(cursor.varint(), cursor.varint(), cursor.varint(), read_set(cursor), cursor.varint())
    cursor.finish("a liveness")
    wrong = result.contradiction()
    cursor.require(wrong is None, wrong)
    return result


def read_drops(cursor):
    origin, dropped, stored = cursor.varint(), read_set(cursor), cursor.varint()
    cursor.finish("drops")
    cursor.require(dropped, "drops of nothing")
    return origin, dropped, stored


@dataclass
class ValueFileProperties:
    number: int
    raw: int
    origins: dict  # origin to (record count, stored bytes)

    @property
    def length(self):
        return sum(stored + 24 * count for count, stored in self.origins.values()) + 132


def read_properties(cursor):
    result, before = ValueFileProperties(cursor.varint(), cursor.varint(), {}), 0
    count = cursor.varint()
    cursor.require(count, "a value file without origins")
    for _ in range(count):
        origin, records, stored = cursor.varint(), cursor.varint(), cursor.varint()
        cursor.require(before < origin <= result.number, "origins that are out of order")
        cursor.require(records, "an origin without records")
        result.origins[origin], before = (records, stored), origin
    cursor.finish("a value file's properties")
    cursor.require(result.length <= (1 << 63) - 4097, "a value file that is too long")
    return result
