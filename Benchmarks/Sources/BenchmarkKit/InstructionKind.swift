/// What instructions are spent on, told by the function that they are in.
///
/// What the optimiser has put into its caller counts for that one: comparisons and copies that are written out
/// within a loop are part of ``other``.
public enum InstructionKind: String, Codable, Sendable, CaseIterable {
  case copying
  case comparison
  case checksum
  case compression
  case allocation
  case referenceCounting = "reference counting"
  case accessChecks = "access checks"
  case system
  case other = "the rest"

  /// The kind of a function, by its name as the linker knows it.
  public init(function: String) {
    self = Self.marks.first { _, marks in marks.contains { function.contains($0) } }?.kind ?? .other
  }

  /// The first that fits counts.
  private static let marks: [(kind: InstructionKind, marks: [String])] = [
    (.compression, ["ZSTD_", "HUF_", "FSE_", "XXH", "HIST_"]),
    (.checksum, ["crc32c"]),
    (.copying, ["memcpy", "memmove", "memset", "_copyContents"]),
    (.comparison, ["memcmp", "EntryOrder", "precedes", "spliceBrackets"]),
    (
      .accessChecks, ["swift_beginAccess", "swift_endAccess", "AccessSet", "SwiftTLSContext", "tls_get_addr"]
    ),
    (
      .allocation,
      [
        "malloc", "free", "swift_alloc", "swift_slowAlloc", "swift_dealloc",
        "swift_slowDealloc",
        "swift_initStackObject", "unlink_chunk", "_swift_release_dealloc", "__deallocating_deinit",
      ]
    ),
    (
      .referenceCounting,
      [
        "swift_retain", "swift_release", "swift_bridgeObject", "RefCount", "swift_isUniquelyReferenced",
        "swift_unknownObject", "swift_arrayInitWithCopy", "swift_arrayDestroy",
      ]
    ),
    (.system, ["pwrite", "pread", "clock_gettime", "syscall", "pthread"]),
  ]
}
