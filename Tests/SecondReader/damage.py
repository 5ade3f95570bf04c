"""What is wrong with a file, and where; and a cursor that never reads past what is there."""

import struct


class StoreError(Exception):
    """A store that is refused. `file` is a name within the store, `offset` one in that file, or None."""

    kind = "damaged"

    def __init__(self, file, offset, what):
        super().__init__(f"{file}, offset {offset}: {what}")
        self.file, self.offset, self.what = file, offset, what


class Unsupported(StoreError):
    """Written by another version, or with bytes that are reserved."""

    kind = "unsupported"


class Undecodable(StoreError):
    """Nothing is known to be wrong, but this machine has no zstd to decompress with."""

    kind = "undecodable"


class Cursor:
    """Reads numbers and strings of a payload in order. `place` is named in errors: of a compressed block the
    place where the block stands, since an offset in what was unfolded helps nobody."""

    def __init__(self, data, file, place):
        self.data, self.file, self.place, self.at = memoryview(data), file, place, 0

    def fail(self, what):
        raise StoreError(self.file, self.place, f"{what} (byte {self.at} of {len(self.data)} of the content)")

    @property
    def left(self):
        return len(self.data) - self.at

    def require(self, condition, what):
        if not condition:
            self.fail(what)

    def bytes(self, count):
        self.require(count <= self.left, f"{count} bytes are said to follow, and there are {self.left}")
        self.at += count
        return bytes(self.data[self.at - count : self.at])

    def _number(self, form, size):
        return struct.unpack(form, self.bytes(size))[0]

    def u8(self):
        return self._number("<B", 1)

    def u32(self):
        return self._number("<I", 4)

    def u64(self):
        return self._number("<Q", 8)

    def varint(self):
        result = 0
        for index in range(10):
            byte = self.u8()
            result |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                self.require(result < 1 << 64, "a varint is too great")
                self.require(index == 0 or byte != 0, "a varint is longer than it need be")
                return result
        self.fail("a varint has more than ten bytes")

    def string(self, limit, what):
        count = self.varint()
        self.require(count <= limit, f"{what} has {count} bytes, and may have {limit}")
        return self.bytes(count)

    def finish(self, what):
        self.require(self.left == 0, f"{self.left} bytes follow the end of {what}")
