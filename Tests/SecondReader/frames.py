"""Frame files: the header page, the frames behind it, and the verdict on where they end."""

import struct
from dataclasses import dataclass

from checksum import fits
from damage import StoreError, Unsupported

PAGE = 4096
HEADER = 64
GREATEST_PAYLOAD = (1 << 31) + (1 << 24)
SEQUENCE_LIMIT = 1 << 55
LOG, MANIFEST = b"CAIRNLOG", b"CAIRNMAN"
GROUP, SEAL, EDIT, CARRIED, INGEST = 1, 2, 3, 4, 5
VERSIONS = {LOG: (1,), MANIFEST: (1, 2)}
KINDS = {LOG: (GROUP, SEAL, CARRIED, INGEST), MANIFEST: (SEAL, EDIT)}
ALL_KINDS = (GROUP, SEAL, EDIT, CARRIED, INGEST)


@dataclass
class End:
    """Where a file ended, as something else says."""

    number: int
    offset: int
    checksum: int


@dataclass
class HeaderPage:
    version: int
    number: int
    salt: int
    predecessor: End
    checksum: int


@dataclass
class Frame:
    offset: int
    kind: int
    sequence: int
    count: int
    mark: int
    checksum: int
    payload: bytes
    end: int

    @property
    def sequences(self):
        """How many sequence numbers a frame without batches takes."""
        return self.count if self.kind == INGEST else 0


@dataclass
class FrameFile:
    header: HeaderPage
    frames: list
    end: int
    checksum: int


def round_up(number, border):
    return -(-number // border) * border


def read_header_page(name, data, purpose):
    page = data[:PAGE]
    if len(page) < PAGE:
        raise StoreError(name, 0, "the header page is not whole")
    if page[:8] != purpose:
        raise StoreError(name, 0, f"does not begin with {purpose.decode()}")
    (checksum,) = struct.unpack_from("<I", page, 4092)
    if not fits(checksum, page[:4092]):
        raise StoreError(name, 0, "the header page fails its checksum")
    fields = struct.unpack_from("<IIQQQQIIQ", page, 8)
    version, zero, number, salt, before, end, end_checksum, zero2, key = fields
    if version not in VERSIONS[purpose]:
        raise Unsupported(name, 8, f"format version {version}")
    if zero or zero2 or key or any(page[64:4092]):
        raise Unsupported(name, 12, "reserved bytes of the header page are not zero")
    return HeaderPage(version, number, salt, End(before, end, end_checksum), checksum)


class FrameReader:
    """Goes from frame to frame of one file. `known` is where it ended, if something says so."""

    def __init__(self, name, data, purpose, known=None):
        self.name, self.data, self.purpose, self.known = name, data, purpose, known
        self.header = read_header_page(name, data, purpose)
        self.stop = known.offset if known else None

    def own_header(self, at):
        """The header at an offset if it is one of this life of this file, wherever it says it belongs."""
        raw = self.data[at : at + HEADER]
        if len(raw) < HEADER or raw[:4] != b"CFRM":
            return None
        fields = struct.unpack("<4sIQQQQQIIIB3s", raw)
        if fields[2] != self.header.salt or not fits(fields[1], raw[8:]):
            return None
        if fields[10] not in ALL_KINDS or any(fields[11]):
            return None
        return fields

    def look(self, at, chain, sequence):
        """The condition of what stands at an offset, and the frame if it is valid."""
        if len(self.data) - at < HEADER:
            return "endOfFile", None
        fields = self.own_header(at)
        if fields is None:
            return "foreign", None
        _, checksum, _, place, length, first, mark, before, payload_checksum, count, kind, _ = fields
        if place != at:
            return "misplaced", None
        if before != chain:
            return "unchained", None
        if length > GREATEST_PAYLOAD:
            return "malformed", None
        if length > len(self.data) - at - HEADER:
            return "incomplete", None
        payload = self.data[at + HEADER : at + HEADER + length]
        if not fits(payload_checksum, payload):
            return "damagedPayload", None
        end = round_up(at + HEADER + length, 64)
        last = first + (max(count, 1) if kind in (GROUP, CARRIED, INGEST) else 0)
        if (
            not PAGE <= mark <= at
            or first < sequence
            or last > SEQUENCE_LIMIT
            or kind not in KINDS[self.purpose]
            or (kind in (SEAL, INGEST) and length)
            or (kind == SEAL and count)
            or (kind == EDIT and count != 1)
            or (kind in (GROUP, CARRIED, INGEST) and not count)
            or (self.stop is not None and end > self.stop)
        ):
            return "malformed", None
        return "valid", Frame(at, kind, first, count, mark, checksum, payload, end)

    def evidence(self, end):
        if self.stop is not None:
            return "atEnd" if end == self.stop else "beforeEnd"
        for page in range(round_up(end, PAGE), len(self.data) - HEADER + 1, PAGE):
            fields = self.own_header(page)
            if fields is not None and fields[3] == page and fields[6] > end:
                return "marked"
        return "none"

    def remains(self, end):
        """How many headers of this life of the file stand behind its content: a power cut has left them."""
        places = range(round_up(end, HEADER), len(self.data) - HEADER + 1, HEADER)
        return sum(1 for place in places if self.own_header(place))

    def read(self):
        end, chain, sequence, frames = PAGE, self.header.checksum, 0, []
        if self.stop is not None and self.stop < PAGE:
            raise StoreError(self.name, 0, f"is said to have ended at {self.stop}")
        while True:
            at = end
            condition, frame = self.look(at, chain, sequence)
            if condition in ("endOfFile", "foreign") and end % PAGE:
                at = round_up(end, PAGE)
                condition, frame = self.look(at, chain, sequence)
            if condition == "valid" and end != self.stop:
                if frame.offset < round_up(frame.mark, PAGE):
                    raise StoreError(self.name, at, "a frame shares a page with what was synced before it")
                frames.append(frame)
                end, chain, sequence = frame.end, frame.checksum, frame.sequence
                continue
            evidence = self.evidence(end)
            if evidence == "atEnd":
                break
            if evidence == "none" and condition not in ("misplaced", "malformed"):
                break
            raise StoreError(self.name, at, f"{condition}, where a frame is vouched for ({evidence})")
        if self.known and chain != self.known.checksum:
            raise StoreError(self.name, end, "ends with another checksum than it is said to")
        return FrameFile(self.header, frames, end, chain)
