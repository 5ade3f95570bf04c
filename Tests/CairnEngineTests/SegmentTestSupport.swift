import CairnKV
import CairnTesting
import Synchronization

@testable import CairnEngine

/// A file that is an array.
final class MemoryFile: File {
  let path: String
  private let content: Mutex<[UInt8]>

  init(_ bytes: [UInt8] = [], path: String = "memory.seg") {
    self.path = path
    content = Mutex(bytes)
  }

  var bytes: [UInt8] { content.withLock { $0 } }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
    nonisolated(unsafe) let buffer = buffer
    return content.withLock { content in
      guard offset < UInt64(content.count) else { return 0 }
      let count = min(buffer.count, content.count - Int(offset))
      content.withUnsafeBytes {
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + count]))
      }
      return count
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    let bytes = [UInt8](bytes)
    content.withLock { content in
      let end = Int(offset) + bytes.count
      if content.count < end { content += [UInt8](repeating: 0, count: end - content.count) }
      content.replaceSubrange(Int(offset)..<end, with: bytes)
    }
  }

  func synchronize() throws(StorageError) {}
  func truncate(to size: UInt64) throws(StorageError) {
    content.withLock { content in
      if content.count > Int(size) {
        content.removeLast(content.count - Int(size))
      } else {
        content += [UInt8](repeating: 0, count: Int(size) - content.count)
      }
    }
  }
  func preallocate(_ size: UInt64) throws(StorageError) {}
  func size() throws(StorageError) -> UInt64 { UInt64(bytes.count) }
  func close() throws(StorageError) {}
}

/// An entry of the model.
struct ModelEntry: Hashable {
  var key: [UInt8]
  var trailer: EntryTrailer
  var value: [UInt8]

  static func precedes(_ left: ModelEntry, _ right: ModelEntry) -> Bool {
    precedes(left, right.key, right.trailer)
  }

  /// Written without the engine's own comparison.
  static func precedes(_ left: ModelEntry, _ key: [UInt8], _ trailer: EntryTrailer) -> Bool {
    left.key == key
      ? left.trailer.rawValue > trailer.rawValue : left.key.lexicographicallyPrecedes(key)
  }
}

/// A segment's content as a sorted array.
struct SegmentModel {
  var entries: [ModelEntry] = []
  var tombstones: [RangeTombstone] = []

  static let fileNumber: UInt64 = 42

  /// Keys of several shapes, several versions of some, values empty to large.
  init(seed: UInt64, count: Int) {
    var random = SeededGenerator(seed: seed)
    let prefix = (0..<Int.random(in: 0...20, using: &random)).map { _ in
      UInt8.random(in: 0...3, using: &random)
    }
    let shape = Int.random(in: 0...4, using: &random)
    var seen = Set<[UInt8]>()
    var sequence: UInt64 = 1
    while entries.count < count {
      var key: [UInt8]
      switch shape {
      case 0:
        key = (0..<Int.random(in: 0...3, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
        }
      case 1:
        key =
          prefix
          + (0..<Int.random(in: 0...12, using: &random)).map { _ in
            [0, 1, 255].randomElement(using: &random)!
          }
      case 2: key = prefix + [UInt8]("\(Int.random(in: 0...count * 3, using: &random))".utf8)
      case 3: key = prefix + [UInt8](repeating: 7, count: Int.random(in: 0...40, using: &random))
      default:
        key = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
        if Int.random(in: 0..<200, using: &random) == 0 { key += [UInt8](repeating: 9, count: 3000) }
      }
      if Int.random(in: 0..<100, using: &random) == 0 { key = [] }
      seen.insert(key)
      for _ in 0..<(Int.random(in: 0..<8, using: &random) == 0 ? Int.random(in: 1...60, using: &random) : 1) {
        sequence += UInt64.random(in: 1...3, using: &random)
        let isRemoval = Int.random(in: 0..<6, using: &random) == 0
        let length =
          switch Int.random(in: 0..<200, using: &random) {
          case 0: Int.random(in: 0...20_000, using: &random)
          case 1..<20: 0
          default: Int.random(in: 0...120, using: &random)
          }
        let byte = UInt8.random(in: 0...255, using: &random)
        entries.append(
          ModelEntry(
            key: key, trailer: EntryTrailer(sequence: sequence, kind: isRemoval ? .removal : .value),
            value: isRemoval ? [] : (0..<length).map { UInt8(truncatingIfNeeded: $0 % 7) ^ byte }))
      }
    }
    for _ in 0..<Int.random(in: 0...5, using: &random) {
      // In order: a set's own order differs from run to run, and the seed would decide nothing.
      let keys = seen.sorted { $0.lexicographicallyPrecedes($1) }
      let bounds = [keys.randomElement(using: &random)!, keys.randomElement(using: &random)!]
        .sorted { $0.lexicographicallyPrecedes($1) }
      sequence += 1
      let upper: [UInt8]? = Bool.random(using: &random) ? nil : bounds[1] + [0]
      tombstones.append(RangeTombstone(lower: bounds[0], upper: upper, sequence: sequence))
    }
    entries.sort(by: ModelEntry.precedes)
  }

  init(entries: [ModelEntry], tombstones: [RangeTombstone] = []) {
    self.entries = entries
    self.tombstones = tombstones
  }

  func write(
    to file: any File = MemoryFile(), salt: UInt64 = 7, options: SegmentOptions = SegmentOptions()
  ) throws -> SegmentProperties {
    let builder = SegmentBuilder(file: file, fileNumber: Self.fileNumber, salt: salt, options: options)
    for entry in entries {
      try entry.key.withUnsafeBytes { key in
        try entry.value.withUnsafeBytes { try builder.add(key: key, trailer: entry.trailer, value: $0) }
      }
    }
    for tombstone in tombstones { try builder.add(tombstone) }
    return try builder.finish()
  }

  func bytes(options: SegmentOptions = SegmentOptions()) throws -> [UInt8] {
    let file = MemoryFile()
    _ = try write(to: file, options: options)
    return file.bytes
  }

  func find(_ key: [UInt8], visibleAt sequence: UInt64) -> ModelEntry? {
    entries.first { $0.key == key && $0.trailer.sequence <= sequence }
  }

  /// The index of the first entry at or after (`key`, `trailer`).
  func firstIndex(atOrAfter key: [UInt8], _ trailer: EntryTrailer) -> Int {
    entries.firstIndex { !ModelEntry.precedes($0, key, trailer) } ?? entries.count
  }
}

extension SourceCursor {
  /// The current entry, copied; `nil` when there is none.
  var current: ModelEntry? {
    isValid ? ModelEntry(key: [UInt8](key), trailer: trailer, value: [UInt8](value)) : nil
  }
}

/// Writes over what was freed last, so that who still reads it is found out.
func overwriteFreedMemory() {
  let pieces = stride(from: 16, through: 1024, by: 16).map { bytes in
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 8)
    piece.initializeMemory(as: UInt8.self, repeating: 0xAA)
    return piece
  }
  for piece in pieces { piece.deallocate() }
}

extension PointLookup {
  /// What was found for `key`, copied.
  func entry(of key: [UInt8]) -> ModelEntry {
    defer { withExtendedLifetime(self) {} }
    return ModelEntry(key: key, trailer: trailer, value: [UInt8](value))
  }
}

extension SegmentReader {
  convenience init(_ bytes: [UInt8], fileNumber: UInt64 = SegmentModel.fileNumber, cacheBytes: Int = 1 << 20)
    throws
  {
    try self.init(
      file: MemoryFile(bytes), fileNumber: fileNumber, cache: BlockCache(capacityBytes: cacheBytes))
  }

  /// Every entry, forwards.
  func allEntries() throws -> [ModelEntry] {
    let cursor = makeCursor()
    var result: [ModelEntry] = []
    try cursor.seekToFirst()
    while let entry = cursor.current {
      result.append(entry)
      try cursor.next()
    }
    return result
  }
}
