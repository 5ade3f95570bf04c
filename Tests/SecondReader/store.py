"""A store's directory: what counts in it, and the state that all of it makes together."""

import heapq
import os
import re
import stat
from collections import defaultdict

import batches
import manifest
from damage import StoreError
from frames import CARRIED, GROUP, LOG, PAGE, SEAL, SEQUENCE_LIMIT, FrameReader, read_header_page
from segment import HANDLE, REMOVAL, VALUE, Segment
from valuefile import ValueFile

_NUMBERED = re.compile(r"([0-9]{8,})\.(log|spare|segment|values)\Z")


def name_of(number, kind):
    return f"{number:08d}.{kind}"


class Directory:
    """`instead` has bytes that are read in the place of some files' own."""

    def __init__(self, path, instead):
        self.path, self.instead = path, instead
        self.names = sorted(os.listdir(path))
        self.numbered = {}
        for name in self.names:
            match = _NUMBERED.match(name)
            if match and 0 < int(match[1]) and name == name_of(int(match[1]), match[2]):
                self.numbered[name] = (int(match[1]), match[2])

    def read(self, name):
        if name in self.instead:
            return self.instead[name]
        try:
            # Without O_NONBLOCK a FIFO would make this wait for ever.
            descriptor = os.open(os.path.join(self.path, name), os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise StoreError(name, None, f"cannot be opened: {error.strerror}") from None
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise StoreError(name, None, "is no regular file")
            return file.read()


class Store:
    """Everything is read and checked by making one. `state()` is what a reader of the store would see."""

    def __init__(self, path, instead=None):
        self.directory = Directory(path, instead or {})
        self.summary = []
        self.versions = defaultdict(dict)  # key to {sequence: (kind, value)}
        self.removals = []
        self.value_files = {}
        self.is_store = "MANIFEST" in self.directory.names
        self.last_sequence = 0
        self.unvouched = (None, 0)  # the newest log, and from where on no mark vouches for it
        if not self.is_store:
            self._check_nothing_is_lost()
            return
        file, self.listed = manifest.read(self.directory.read(manifest.NAME))
        self._describe(
            manifest.NAME, version=file.header.version, generation=file.header.number, frames=len(file.frames), end=file.end,
            kinds=sorted({frame.kind for frame in file.frames}),
            identity=self.listed.identity.hex(), ended=self.listed.log_end is not None, last_sequence=self.listed.last_sequence,
        )
        self._read_segments_and_values()
        self._read_logs()
        self._check_stray_logs()
        for name in self.directory.numbered:
            if not any(line["file"] == name for line in self.summary):
                self._describe(name, stray=True)

    def _describe(self, name, **what):
        self.summary.append({"file": name, **what})

    def _check_nothing_is_lost(self):
        for name, (_, kind) in self.directory.numbered.items():
            if kind in ("segment", "values") or kind == "log" and self._stray_groups(name, (GROUP, CARRIED)):
                raise StoreError("MANIFEST", None, f"is lost: {name} is there")

    def _stray_groups(self, name, kinds):
        """The frames of these kinds in a log that nothing lists; none if it never became one."""
        data = self.directory.read(name)
        try:
            read_header_page(name, data, LOG)
        except StoreError as error:
            if error.kind == "unsupported":
                raise
            return []
        return [frame for frame in FrameReader(name, data, LOG).read().frames if frame.kind in kinds]

    # Segments and value files

    def _read_segments_and_values(self):
        referred = {}
        for properties in self.listed.values.values():
            name = name_of(properties.number, "values")
            data = self.directory.read(name)
            self._check_length(name, data, properties.length)
            file = ValueFile(name, data, properties.number)
            if (file.origins(), file.raw_bytes()) != (properties.origins, properties.raw):
                raise StoreError(name, len(data), "holds something else than the manifest says")
            for record in file.records:
                file.value(record)
            self.value_files[properties.number] = file
            self._describe(
                name, records=len(file.records), origins=sorted(properties.origins),
                chunks=file.most_chunks(),
                dead=len(file.records) - sum(
                    self.listed.origins[origin].live_count
                    for origin, place in self.listed.places.items() if place == properties.number
                ),
            )
        for listed in self.listed.segments.values():
            name = name_of(listed.number, "segment")
            data = self.directory.read(name)
            self._check_length(name, data, listed.length)
            segment = Segment(name, data, listed.number, listed.base, listed.raw_properties)
            for key, sequence, kind, value in segment.entries():
                if kind == HANDLE:
                    self._refer(name, value, referred)
                self._add(name, key, sequence, kind, value)
            self.removals += segment.removals
            self._describe(
                name, level=listed.level, entries=segment.properties.entries, removals=len(segment.removals),
                blocks=len(segment.index), base=listed.base, dictionary=len(segment.dictionary),
                compressed=segment.compressed_blocks,
                unbounded=sum(upper is None for _, upper, _ in segment.removals),
            )
        self._check_liveness(referred)

    def _check_length(self, name, data, length):
        if len(data) != length:
            raise StoreError(name, None, f"has {len(data)} bytes, and the manifest says {length}")

    def _refer(self, name, handle, referred):
        record = (handle.origin, handle.ordinal)
        if record in referred:
            raise StoreError(name, None, f"two entries refer to the record {record}")
        file = self.value_files.get(self.listed.places.get(handle.origin))
        if file is None or record not in file.records:
            raise StoreError(name, None, f"refers to the record {record}, which is in no listed file")
        raw, start, end = file.records[record]
        if (handle.raw, handle.stored) != (raw, end - start):
            raise StoreError(name, None, f"says of the record {record} what its file does not")
        referred[record] = end - start

    def _check_liveness(self, referred):
        found = defaultdict(lambda: [set(), 0])
        for (origin, ordinal), stored in referred.items():
            found[origin][0].add(ordinal)
            found[origin][1] += stored
        for origin in set(self.listed.origins) | set(found):
            ordinals, stored = found[origin]
            liveness = self.listed.origins.get(origin)
            if liveness is None or len(ordinals) != liveness.live_count or stored != liveness.live_stored:
                raise StoreError("MANIFEST", None, f"does not say of origin {origin} what is referred to")
            dead = iter(liveness.dead)
            first, end = next(dead, (0, 0))
            for ordinal in sorted(ordinals):
                while ordinal >= end and end:
                    first, end = next(dead, (0, 0))
                if first <= ordinal < end or ordinal >= liveness.count:
                    raise StoreError("MANIFEST", None, f"record {origin}/{ordinal} is referred to, and dead")

    def _value(self, kind, value):
        if kind != HANDLE:
            return value
        return self.value_files[self.listed.places[value.origin]].value((value.origin, value.ordinal))

    def _add(self, name, key, sequence, kind, value):
        """A log that is read again after its flush may repeat an entry of a segment; it must say the same."""
        before = self.versions[key].get(sequence)
        if before is None:
            self.versions[key][sequence] = (kind, value)
        elif (before[0] == REMOVAL) != (kind == REMOVAL) or self._value(*before) != self._value(kind, value):
            raise StoreError(name, None, f"contradicts another file at sequence {sequence} of {key.hex()}")

    # Logs

    def _read_logs(self):
        numbers = self.listed.logs
        datas = [self.directory.read(name_of(number, "log")) for number in numbers]
        known, readers, is_newest = self.listed.log_end, [], True
        for number, data in zip(reversed(numbers), reversed(datas)):
            name = name_of(number, "log")
            if not is_newest and known.number != number:
                raise StoreError(name, 0, f"the log after it names {known.number} in its place")
            reader = FrameReader(name, data, LOG, known)
            if reader.header.number != number:
                raise StoreError(name, 16, f"its header says that it is log {reader.header.number}")
            known, is_newest = reader.header.predecessor, False
            readers.insert(0, reader)
        following = None
        has_frames = False
        for reader in readers:
            file = reader.read()
            operations = 0
            for frame in file.frames:
                if following is not None and frame.sequence != following:
                    what = f"begins at sequence {frame.sequence}, and {following} is next"
                    raise StoreError(reader.name, frame.offset, what)
                following = frame.sequence + frame.sequences
                has_frames = has_frames or frame.kind != SEAL
                if frame.kind in (GROUP, CARRIED):
                    before, following = following, self._apply(reader.name, frame)
                    operations += following - before
            mark = max((frame.mark for frame in file.frames), default=0)
            unvouched = [frame.offset for frame in file.frames if frame.end > mark and not reader.known]
            self.unvouched = (reader.name, min(unvouched, default=file.end))
            self._describe(
                reader.name, frames=len(file.frames), unvouched=len(unvouched), operations=operations,
                kinds=sorted({frame.kind for frame in file.frames}), end=file.end,
                shared=sum(frame.offset % PAGE != 0 for frame in file.frames),
                remains=reader.remains(file.end),
            )
        last = (following or 1) - 1
        if has_frames and last < self.listed.last_sequence:
            raise StoreError(
                readers[-1].name, None,
                f"the logs end at sequence {last}, and {self.listed.last_sequence} was synced",
            )
        self.last_sequence = max(last, self.listed.last_sequence)

    def _apply(self, name, frame):
        """Takes the operations of a frame, and returns the sequence number that follows them."""
        following = frame.sequence
        for sequence, kind, lower, upper in batches.operations(name, frame):
            if kind == batches.SET:
                self._add(name, lower, sequence, VALUE, upper)
            elif kind == batches.REMOVE:
                self._add(name, lower, sequence, REMOVAL, b"")
            elif upper is None or lower < upper:
                self.removals.append((lower, upper, sequence))
            following = sequence + 1
        if frame.sequence == 0 or following > SEQUENCE_LIMIT:
            raise StoreError(name, frame.offset, "sequence numbers that are never given out")
        return following

    def _check_stray_logs(self):
        greatest = max(self.listed.logs, default=0)
        for name, (number, kind) in self.directory.numbered.items():
            if kind != "log" or number <= greatest:
                continue
            for frame in self._stray_groups(name, (GROUP,)):
                if max(operation[0] for operation in batches.operations(name, frame)) > self.last_sequence:
                    raise StoreError(name, frame.offset, "holds commits, and is newer than the manifest")

    # What is visible

    def state(self):
        """(key, value, sequence) of every key that has a value, in order."""
        waiting = sorted(self.removals, key=lambda removal: removal[0], reverse=True)
        covering = []  # those that have begun, the newest first
        for key in sorted(self.versions):
            while waiting and waiting[-1][0] <= key:
                _, upper, sequence = waiting.pop()
                heapq.heappush(covering, (-sequence, upper is None, upper or b""))
            while covering and not covering[0][1] and covering[0][2] <= key:
                heapq.heappop(covering)
            sequence = max(self.versions[key])
            kind, value = self.versions[key][sequence]
            if kind != REMOVAL and not (covering and -covering[0][0] > sequence):
                yield key, self._value(kind, value), sequence
