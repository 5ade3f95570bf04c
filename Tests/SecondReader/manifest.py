"""The manifest: edits, and the state that they make."""

from dataclasses import dataclass, field

import ordinals
import properties
from damage import Cursor, StoreError
from frames import EDIT, MANIFEST, PAGE, SEQUENCE_LIMIT, End, FrameReader

NAME = "MANIFEST"
NUMBER_LIMIT = (1 << 63) - 1
GREATEST_PROPERTIES = 262144


@dataclass
class ListedSegment:
    level: int
    length: int
    base: int
    raw_properties: bytes
    properties: properties.SegmentProperties

    @property
    def number(self):
        return self.properties.number


@dataclass
class Edit:
    identity: list = field(default_factory=list)
    added_logs: list = field(default_factory=list)
    oldest_log: int = 0
    added_segments: list = field(default_factory=list)
    removed_segments: list = field(default_factory=list)
    last_sequence: int = 0
    next_number: int = 0
    added_values: list = field(default_factory=list)
    removed_values: list = field(default_factory=list)
    added_origins: list = field(default_factory=list)
    drops: list = field(default_factory=list)
    log_ends: list = field(default_factory=list)


def read_edit(frame):
    cursor, edit = Cursor(frame.payload, NAME, frame.offset), Edit()

    def nested(what, limit=None):
        data = cursor.string(cursor.left if limit is None else limit, what)
        return Cursor(data, NAME, frame.offset)

    def number():
        value = cursor.varint()
        cursor.require(0 < value < NUMBER_LIMIT, f"a file number of {value}")
        return value

    while cursor.left:
        tag = cursor.u8()
        if tag == 1:
            edit.added_logs.append(number())
        elif tag == 2:
            edit.oldest_log = number()
        elif tag == 3:
            level, length, base = cursor.varint(), cursor.varint(), cursor.varint()
            cursor.require(level <= 6, f"level {level}")
            raw = cursor.string(GREATEST_PROPERTIES, "a segment's properties")
            segment = ListedSegment(level, length, base, raw, properties.read(raw, NAME, frame.offset))
            cursor.require(0 < segment.number < NUMBER_LIMIT, f"a segment numbered {segment.number}")
            greatest = base + segment.properties.largest
            cursor.require(greatest < SEQUENCE_LIMIT, "a sequence number that is too great")
            edit.added_segments.append(segment)
        elif tag == 4:
            edit.removed_segments.append(number())
        elif tag == 5:
            edit.last_sequence = cursor.varint()
        elif tag == 6:
            edit.next_number = number()
        elif tag == 7:
            edit.identity.append(cursor.bytes(16))
            cursor.require(len(edit.identity) == 1, "two store identities in one edit")
        elif tag == 8:
            edit.added_values.append(ordinals.read_properties(nested("a value file's properties")))
        elif tag == 9:
            edit.removed_values.append(number())
        elif tag == 10:
            edit.added_origins.append(ordinals.read_liveness(nested("a liveness")))
        elif tag == 11:
            edit.drops.append(ordinals.read_drops(nested("drops")))
        elif tag == 12:
            edit.log_ends.append(End(cursor.varint(), cursor.varint(), cursor.u32()))
            cursor.require(len(edit.log_ends) == 1, "two ends of a log in one edit")
        else:
            cursor.fail(f"an edit with the unknown tag {tag}")
    return edit


class State:
    def __init__(self, version):
        self.version, self.identity, self.log_end = version, None, None
        self.logs, self.segments, self.values, self.origins, self.places = [], {}, {}, {}, {}
        self.last_sequence = self.next_number = 0

    def apply(self, edit, fail):
        if self.identity is None and not edit.identity:
            fail("the first edit has no store identity")
        if edit.identity and self.identity not in (None, edit.identity[0]):
            fail("the store identity changes")
        self.identity = self.identity or edit.identity[0]
        for number in edit.added_logs:
            if self.logs and number <= self.logs[-1]:
                fail(f"log {number} is added behind log {self.logs[-1]}")
            self.logs.append(number)
            self.log_end = None
        self.logs = [number for number in self.logs if number >= edit.oldest_log]
        for end in edit.log_ends:
            if self.version < 2:
                fail("the end of a log, in a store of format version 1")
            if not self.logs or end.number != self.logs[-1] or end.offset < PAGE:
                fail(f"the end of log {end.number} at {end.offset}")
            self.log_end = end
        for number in edit.removed_segments:
            if self.segments.pop(number, None) is None:
                fail(f"segment {number} is removed, and is not listed")
        for segment in edit.added_segments:
            if segment.number in self.segments:
                fail(f"segment {segment.number} is added twice")
            self.segments[segment.number] = segment
        for level in range(1, 7):
            here = self.level(level)
            for before, after in zip(here, here[1:]):
                if not before.properties.ends_before(after.properties):
                    fail(f"segments {before.number} and {after.number} share keys in level {level}")
        self._apply_values(edit, fail)
        self.last_sequence = max(self.last_sequence, edit.last_sequence)
        self.next_number = max(self.next_number, edit.next_number)
        if self.last_sequence >= SEQUENCE_LIMIT:
            fail("a last sequence that is too great")
        for segment in self.segments.values():
            if segment.base + segment.properties.largest > self.last_sequence:
                fail(f"segment {segment.number} is newer than the last sequence")
        greatest = max([*self.logs, *self.segments, *self.values, 0])
        if greatest >= self.next_number:
            fail(f"file {greatest} is listed, and the next number is {self.next_number}")

    def _apply_values(self, edit, fail):
        for number in edit.removed_values:
            if self.values.pop(number, None) is None:
                fail(f"value file {number} is removed, and is not listed")
        self.places = {origin: number for origin, number in self.places.items() if number in self.values}
        for liveness in edit.added_origins:
            if liveness.origin in self.origins:
                fail(f"origin {liveness.origin} is added twice")
            if not liveness.live_count:
                fail(f"origin {liveness.origin} is added, and nothing of it is live")
            self.origins[liveness.origin] = liveness
        for added in edit.added_values:
            if added.number in self.values:
                fail(f"value file {added.number} is added twice")
            known = [origin for origin in added.origins if origin in self.origins]
            if not known:
                fail(f"value file {added.number} has no origin that is known")
            for origin in known:
                liveness, (count, stored) = self.origins[origin], added.origins[origin]
                if origin in self.places:
                    fail(f"origin {origin} is in two value files")
                if not liveness.live_count <= count <= liveness.count:
                    fail(f"value file {added.number} has {count} records of origin {origin}")
                if not liveness.live_stored <= stored <= liveness.stored:
                    fail(f"value file {added.number} has {stored} bytes of origin {origin}")
                self.places[origin] = added.number
            self.values[added.number] = added
        for origin in self.origins:
            if origin not in self.places:
                fail(f"origin {origin} is in no value file")
        for origin, dropped, stored in edit.drops:
            liveness = self.origins.get(origin)
            if liveness is None:
                fail(f"values of origin {origin} are dropped, which is not known")
            dead = ordinals.union(liveness.dead, dropped)
            if dead is None:
                fail(f"values of origin {origin} are dropped twice")
            liveness.dead, liveness.dead_stored = dead, liveness.dead_stored + stored
            wrong = liveness.contradiction()
            if wrong:
                fail(f"origin {origin}: {wrong}")
        self.origins = {number: origin for number, origin in self.origins.items() if origin.live_count}
        self.places = {origin: number for origin, number in self.places.items() if origin in self.origins}
        listed = set(self.places.values())
        self.values = {number: file for number, file in self.values.items() if number in listed}

    def level(self, level):
        here = [segment for segment in self.segments.values() if segment.level == level]
        if level == 0:
            return sorted(here, key=lambda one: (-one.base - one.properties.largest, -one.number))
        return sorted(here, key=lambda one: one.properties.lower)


def read(data):
    """The frame file, and the state after its last edit."""
    file, used = FrameReader(NAME, data, MANIFEST).read(), None
    state = State(file.header.version)
    for frame in file.frames:

        def fail(what, frame=frame):
            raise StoreError(NAME, frame.offset, what)

        if frame.kind == EDIT:
            state.apply(read_edit(frame), fail)
            if frame.sequence != state.last_sequence:
                fail(f"an edit's frame says {frame.sequence}, and its state {state.last_sequence}")
        elif frame.sequence != used:
            fail("a seal with another sequence number than the edit before it")
        used = frame.sequence
    if state.identity is None:
        raise StoreError(NAME, 0, "a manifest without an edit")
    return file, state
