import CairnKV

/// Writes a segment: entries in order, range removals in any order, then ``finish()``.
///
/// Nothing is synced; that is up to the caller, before anything refers to the file. After an error the file
/// is worthless. Not for use from two threads at once.
final class SegmentBuilder {
  private var encoder: SegmentEncoder

  /// - Parameter helper: compresses beside the calling thread. What is written is the same without.
  init(
    file: any File, fileNumber: UInt64, salt: UInt64, options: SegmentOptions,
    helper: CompressionThread? = nil
  ) {
    encoder = SegmentEncoder(
      file: file, fileNumber: fileNumber, salt: salt, options: options, helper: helper)
  }

  /// About how long the file would be if it ended here.
  var estimatedSize: UInt64 { encoder.estimatedSize }

  /// The key of the last entry added; `nil` before the first.
  var lastKey: [UInt8]? { encoder.lastKey }

  /// Whether the last entry added has this key.
  @inline(__always)
  func endsWith(_ key: UnsafeRawBufferPointer) -> Bool { encoder.endsWith(key) }

  /// Adds the next entry. It must sort after the last one; a removal's value must be empty.
  /// - Throws: `.invalidArgument`, `.keyTooLong`, `.valueTooLarge`, or what writing the file throws.
  func add(
    key: UnsafeRawBufferPointer, trailer: EntryTrailer, value: UnsafeRawBufferPointer
  ) throws(StorageError) {
    try encoder.add(key: key, trailer: trailer, value: value)
  }

  /// Notes that the last entry added is hidden by another one of the segment, or by a range removal in it.
  func noteSuperseded() { encoder.noteSuperseded() }

  /// Adds a range removal, at any time. One of an empty range removes nothing and is left out.
  func add(_ tombstone: RangeTombstone) throws(StorageError) {
    try encoder.add(tombstone)
  }

  /// Writes what remains and describes the segment. The caller then syncs the file.
  func finish() throws(StorageError) -> SegmentProperties {
    try encoder.finish()
  }
}
