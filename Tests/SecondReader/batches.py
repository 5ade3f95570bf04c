"""Batches: what a group or carried frame of a log holds."""

from damage import Cursor

GREATEST_KEY, GREATEST_BOUND, GREATEST_VALUE = 65536, 65537, 1 << 30
REMOVE, SET, REMOVE_RANGE, REMOVE_FROM = 0, 1, 2, 3


def operations(name, frame):
    """Each operation's sequence number, kind and two byte strings (or None), in order."""
    cursor = Cursor(frame.payload, name, frame.offset)
    sequence = frame.sequence
    for _ in range(frame.count):
        count, length = cursor.u32(), cursor.u64()
        cursor.require(count > 0, "a batch without operations")
        cursor.require(length <= cursor.left, "a batch that is longer than its frame")
        end = cursor.at + length
        for _ in range(count):
            kind, upper = cursor.u8(), None
            limit = GREATEST_KEY if kind in (REMOVE, SET) else GREATEST_BOUND
            cursor.require(kind <= REMOVE_FROM, f"an operation of kind {kind}")
            lower = cursor.string(limit, "a key")
            if kind == SET:
                upper = cursor.string(GREATEST_VALUE, "a value")
            elif kind == REMOVE_RANGE:
                upper = cursor.string(GREATEST_BOUND, "a bound")
            cursor.require(cursor.at <= end, "an operation that reaches past its batch")
            yield sequence, kind, lower, upper
            sequence += 1
        cursor.require(cursor.at == end, "a batch that its operations do not fill")
    cursor.finish("the batches")
