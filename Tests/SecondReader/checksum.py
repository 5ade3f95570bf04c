"""CRC-32C, four bytes a step, and the 64-bit hash of the filters."""

import struct

_MASK = (1 << 64) - 1


def _tables():
    byte = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        byte.append(value)
    one = [value >> 8 ^ byte[value & 0xFF] for value in range(65536)]
    two = [value >> 8 ^ byte[value & 0xFF] for value in one]
    four = [value >> 16 ^ two[value & 0xFFFF] for value in two]
    return byte, two, four


_BYTE, _TWO, _FOUR = _tables()


def crc32c(*parts):
    """The checksum of the parts, one after the other."""
    state = 0xFFFFFFFF
    two, four = _TWO, _FOUR
    for part in parts:
        whole = len(part) & ~3
        for (word,) in struct.iter_unpack("<I", part[:whole]):
            state ^= word
            state = four[state & 0xFFFF] ^ two[state >> 16]
        for value in part[whole:]:
            state = state >> 8 ^ _BYTE[(state ^ value) & 0xFF]
    return state ^ 0xFFFFFFFF


class Forging:
    """While `is_on` every checksum counts as right: as if whoever changed the bytes had made it so."""

    is_on = False


def fits(stored, *parts):
    """Whether the checksum of the parts is the stored one."""
    return Forging.is_on or crc32c(*parts) == stored


def u64s(*numbers):
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def _fold(a, b):
    product = a * b
    return product >> 64 ^ product & _MASK


def key_hash(data):
    """The hash of a filter; also what a dump says of a value."""
    state = 0x9E3779B97F4A7C15 ^ len(data)
    whole = len(data) & ~15
    for p, q in struct.iter_unpack("<QQ", data[:whole]):
        state = _fold(p ^ 0xA0761D6478BD642F, q ^ state)
    if whole < len(data):
        p, q = struct.unpack("<QQ", bytes(data[whole:]).ljust(16, b"\0"))
        state = _fold(p ^ 0xA0761D6478BD642F, q ^ state)
    return _fold(state ^ 0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3)


def filter_places(hash, probes):
    """The bits of a filter's line that belong to a hash."""
    spread = hash * 0x9E3779B97F4A7C15 & _MASK
    return [spread >> (64 - 9 * (probe + 1)) & 511 for probe in range(probes)]
