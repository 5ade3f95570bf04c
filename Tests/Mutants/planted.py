"""The deliberate bugs: what a tired engineer might write, and the tests that are to notice, the likeliest first."""

from dataclasses import dataclass

ENGINE = "Sources/CairnEngine/"
LOG = ENGINE + "Log/"
VERSIONS = ENGINE + "Versions/"
SEGMENT = ENGINE + "Segment/"
VALUES = ENGINE + "Values/"
FILES = ENGINE + "FileSystem/"
TRANSACTION = ENGINE + "Transaction/"
BACKUP = ENGINE + "Backup/"
READ_ONLY = ENGINE + "ReadOnly/"

# Every workload, with crashes at every moment, and with calls that fail.
CRASHES = "CrashTests/crashes"
FAULTS = "CrashTests/failures"
# What tries every bug that its own tests let pass.
EXPLORATIONS = (CRASHES, FAULTS, "LayerCrashTests")


@dataclass
class Bug:
    """`original` is what the sources say, `mutated` what they say with the bug in it, behind a switch: `{on}`."""

    name: str
    what: str
    file: str
    original: str
    mutated: str
    tests: tuple

    def switched(self, condition):
        return self.mutated.replace("{on}", f"({condition})")


def instead(name, what, file, original, mutated, *tests):
    """Another statement in the place of one."""
    return Bug(name, what, file, original, f"if {{on}} {{ {mutated} }} else {{ {original} }}", tests)


def skipped(name, what, file, original, *tests, after=""):
    """A statement that is left out. What stands behind it tells it from others."""
    return Bug(name, what, file, original + after, f"if !{{on}} {{ {original} }}{after}", tests)


def valued(name, what, file, original, value, *tests):
    """Another value for an expression."""
    return Bug(name, what, file, original, f"({{on}} ? ({value}) : ({original}))", tests)


def unchecked(name, what, file, original, *tests):
    """A condition that need not hold."""
    return Bug(name, what, file, original, f"({{on}} || ({original}))", tests)


SYNCS = [
    instead("commit-not-synced", "a durable commit is written and not synced", LOG + "FrameWriter.swift",
            "try latch.synchronize { () throws(StorageError) in try file.writeThrough(bytes, at: start) }",
            "try file.write(bytes, at: start)", CRASHES),
    skipped("buffered-not-synced", "what was buffered is not synced with the next durable commit",
            LOG + "FrameWriter.swift", "try latch.synchronize { () throws(StorageError) in try file.synchronize() }",
            CRASHES),
    skipped("new-log-not-synced", "a new log gets its name before its content is synced", LOG + "LogFiles.swift",
            "try writer.synchronize()", CRASHES),
    skipped("new-log-name-not-synced", "the manifest lists a log whose name is not synced", LOG + "LogFiles.swift",
            "try directory.synchronize()", CRASHES),
    skipped("manifest-not-synced", "a new manifest gets its name before its content is synced",
            VERSIONS + "Manifest.swift", "try writer.synchronize()", CRASHES),
    skipped("manifest-name-not-synced", "an opening goes on before the new manifest's name is synced",
            VERSIONS + "Manifest.swift", "try directory.synchronize()", CRASHES),
    skipped("edit-not-synced", "an edit counts before it is synced", VERSIONS + "Manifest.swift",
            "try contents.writer.synchronize()", CRASHES),
    skipped("store-name-not-synced", "a store is made in a directory whose name is not synced",
            ENGINE + "StoreOpening.swift",
            "try directory.fileSystem.synchronizeDirectory(StoreDirectory.parent(of: directory.path))",
            CRASHES),
    skipped("segment-not-synced", "a segment is listed before it is synced", VERSIONS + "SegmentOutput.swift",
            "try synchronize(file)", CRASHES),
    skipped("segment-name-not-synced", "a segment is listed before its name is synced",
            VERSIONS + "SegmentOutput.swift", "if !written.segments.isEmpty { try directory.synchronize() }",
            CRASHES),
    skipped("rewritten-not-synced", "a rewritten value file is listed before it is synced",
            VERSIONS + "ValueRewriter.swift", "try tree.directory.synchronize(file)", CRASHES),
    skipped("rewritten-name-not-synced", "a rewritten value file is listed before its name is synced",
            VERSIONS + "ValueRewriter.swift", "try tree.directory.synchronize()", CRASHES),
    instead("logs-recycled-early", "logs are recycled before the edit that lets go of them",
            VERSIONS + "Flusher.swift",
            """try tree.apply(edit, flushed: memtable)
    for number in logs where number < following.oldestLog {
      // A log that cannot be removed now is a stray, which the next opening removes.
      try? tree.logFiles.retire(log: number)
    }""",
            """for number in logs where number < following.oldestLog { try? tree.logFiles.retire(log: number) }
      try tree.apply(edit, flushed: memtable)""",
            CRASHES),
    skipped("backup-names-not-synced", "a backup's manifest is there before its files' names are",
            BACKUP + "BackupTarget.swift", "try directory.synchronize()", "BackupCrashTests",
            after="\n    _ = try Manifest("),
    skipped("backup-copy-not-synced", "a backup lists a copy that is not synced", BACKUP + "BackupFiles.swift",
            "try target.synchronize(output)", "BackupTests"),
]

FAILURES = [
    skipped("failure-forgotten", "after a failed sync the store goes on writing", FILES + "FailureLatch.swift",
            "trip(failure)", "FaultTests"),
    instead("acknowledged-early", "a commit whose frame could not be written is acknowledged",
            TRANSACTION + "CommitWriter.swift", "return fail(accepted, error)", "return", "FaultTests"),
    Bug("failed-list-is-no-files", "a directory that cannot be listed counts as empty", ENGINE + "StoreOpening.swift",
        "let entries = try directory.entries()",
        "let entries = try {on} ? ((try? directory.entries()) ?? []) : directory.entries()",
        ("FaultTests",)),
    valued("low-water-ignored", "the disk is filled to the last byte", TRANSACTION + "CommitWriter.swift",
           "lowWater.refusal(writing: bytes)", "nil", "SpaceAndPermissionTests"),
]

CHECKS = [
    unchecked("frame-checksum", "the checksum of a frame's payload is not looked at", LOG + "FrameReader.swift",
              "CRC32C.checksum(payload) == found.payloadChecksum", "FrameVerdictTests", CRASHES),
    unchecked("frame-chain", "a frame need not follow the one before it", LOG + "FrameReader.swift",
              "found.previousChecksum == position.checksum", "FrameVerdictTests", "DamageTests"),
    unchecked("frame-place", "a frame may stand in another place", LOG + "FrameReader.swift",
              "found.offset == offset", "FrameVerdictTests", "DamageTests"),
    Bug("marks-ignored", "damage before a durable-through mark is taken for a torn end", LOG + "FrameReader.swift",
        "try laterFrameVouches(for: position.offset) ?", "try laterFrameVouches(for: position.offset) && !{on} ?",
        ("FrameVerdictTests", "DamageTests")),
    valued("successor-ignored", "where a log's successor says that it ended does not count",
           LOG + "LogRecovery.swift", "reader.header.predecessor", "nil", "DamageTests", "RecoveryTests"),
    valued("end-in-manifest-ignored", "where the manifest says that a log ended does not count",
           ENGINE + "StoreOpening.swift", "state.logEnd", "nil", "FormatVersionTests", "BackupTests"),
    unchecked("sequence-gap", "sequence numbers may be missing in the logs", LOG + "LogRecovery.swift",
              "nextSequence.map({ $0 == first }) ?? (first > 0)", "RecoveryTests"),
    valued("last-sequence-ignored", "logs that end before what the manifest lists are whole",
           LOG + "LogRecovery.swift", "nextSequence <= listedSequence", "false", "RecoveryTests"),
    skipped("stray-log-ignored", "commits in a log that the manifest does not list are dropped",
            ENGINE + "StoreOpening.swift", "try recovery.checkStray(log: number, hasManifest: true)", "RecoveryTests",
            "DamageTests"),
    unchecked("block-checksum", "the checksum of a segment's block is not looked at", SEGMENT + "StoredBlock.swift",
              "checksum == UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: storedBytes + 5, as: UInt32.self))",
              "SegmentDamageTests"),
    unchecked("footer-checksum", "the checksum of a segment's footer is not looked at",
              SEGMENT + "SegmentFooter.swift", "checksum == Self.checksum(bytes, identity, at: offset)",
              "SegmentDamageTests"),
    valued("footer-overflow", "places in a segment may add up to the file beyond the greatest number",
           SEGMENT + "SegmentFooter.swift", "overflow || again ? nil : end", "end", "SegmentDamageTests"),
    unchecked("value-index-length", "the index of a value file may name a record of any length",
              VALUES + "ValueFileIndex.swift",
              "ValueFileFormat.isRecord(storedBytes: record.storedBytes, rawBytes: record.rawBytes)",
              "ValueFileDamageTests"),
    unchecked("value-index-gap", "the index of a value file may leave out a record of its own",
              VALUES + "ValueFileIndex.swift", "record.name.ordinal == expected", "ValueFileDamageTests"),
    Bug("cbor-key-order", "a map's keys of one length may come in any order",
        "Sources/Cairn/Coding/CBORValidator.swift",
        "level.keyLength == text.count && !precedes(", "level.keyLength == text.count && !{on} && !precedes(",
        ("CodingVectorTests",)),
    unchecked("chunk-checksum", "the checksum of a large value is not looked at", VALUES + "StoredRecord.swift",
              "ValueChunkTable.checksum(of: stored, at: chunk.offset, identity: identity) == chunk.checksum",
              "ValueFileDamageTests"),
    unchecked("listed-length", "a file of another length than listed is taken", ENGINE + "StoreOpening.swift",
              "found.size == bytes", "RecoveryTests"),
    unchecked("reader-trusts-logs", "a reader does not notice that a log was recycled",
              READ_ONLY + "ReadOnlyOpening.swift", "headers == headersAfter", "ReadOnlyTests"),
]

ORDER = [
    valued("salt-reused", "a recycled log has the salt that it had before", LOG + "FrameFormat.swift",
           "random.next() ^ (number &* 0x9E37_79B9_7F4A_7C15)", "0x5A17", CRASHES,
           "FrameFormatTests", "LogFilesTests"),
    Bug("half-a-commit", "the last operation of a commit is left out", TRANSACTION + "BatchDecoder.swift",
        "if skipping.contains(index) { continue }",
        "if skipping.contains(index) || ({on} && count > 1 && index == count - 1) { continue }",
        (CRASHES,)),
    Bug("reads-not-validated", "what a transaction has read may have changed", TRANSACTION + "CommitWriter.swift",
        "if !request.reads.isEmpty, try", "if !request.reads.isEmpty, !{on}, try",
        ("SerializabilityTests", "TransactionTests")),
    valued("base-forgotten", "an ingested segment's base is not listed", VERSIONS + "VersionEdit.swift",
           "segment.properties.sequenceBase", "0", "IngestTests", CRASHES),
    skipped("nothing-carried", "an opening does not carry over what nobody vouches for",
            ENGINE + "StoreOpening.swift", "try writeCarried(by: recovery, to: writer, buffer)", "OpeningCrashTests",
            "RecoveryTests"),
    valued("lock-shared", "two processes may have a store open", FILES + "POSIXFileLock.swift",
           "LOCK_EX | LOCK_NB", "LOCK_SH | LOCK_NB", "POSIXFileLockTests", "EngineLockTests"),
    Bug("backup-reuses-anything", "a file that no backup lists is reused", BACKUP + "BackupFiles.swift",
        "if isKnown, try isSame(entry)", "if isKnown || {on}, try isSame(entry)", ("BackupTests",)),
    Bug("backup-holds-no-logs", "logs are recycled while a backup reads them", LOG + "LogFiles.swift",
        "guard state.holds == 0 else {\n        state.held", "guard state.holds == 0 || {on} else {\n        state.held",
        ("BackupTests",)),
    skipped("backup-keeps-identity", "an opened backup passes for the store it came from",
            ENGINE + "StoreOpening.swift",
            "if entries.contains(.backup) { state.storeIdentity = VersionEdit.newIdentity(environment.random) }",
            "BackupTests"),
    skipped("backup-ahead", "a backup holds what the store may still lose", BACKUP + "BackupCut.swift",
            "try log.synchronize()", "BackupTests"),
    Bug("reader-sees-unvouched", "a reader sees what is not known to be durable",
        READ_ONLY + "ReadOnlyOpening.swift", "takesVouchedOnly: isLive)", "takesVouchedOnly: isLive && !{on})",
        ("ReadOnlyTests",)),
    skipped("reader-syncs-nothing", "a reader shows what only the system's cache has",
            READ_ONLY + "ReadOnlyOpening.swift", "try directory.open(newest, .read).synchronize()", "ReadOnlyTests"),
]

PLANTED = SYNCS + FAILURES + CHECKS + ORDER
