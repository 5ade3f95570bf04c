import CairnKV
import CairnTesting

@testable import CairnEngine

/// A store that is put together file by file, with every kind of file and entry in as few bytes as possible,
/// so that each part can be changed before its checksums are computed.
///
///     1.values   two live records, of which one is compressed, and a dead one
///     level 1    2.segment  a b c(handle) d e(handle) f f
///                3.segment  m n
///     level 0    4.segment  a, b removed, [d, e) removed
///                5.segment  x y, an ingest's: sequence base 30
///     logs       8.log  g, m removed
///                9.log  a, [n, o) removed, seal
struct HandmadeStore {
  static let path = "/store"

  /// A segment before it is written.
  struct Segment {
    var level: Int
    var entries: [ModelEntry]
    var tombstones: [RangeTombstone] = []
    var base: UInt64 = 0
    var options = SegmentOptions(blockBytes: 60, prefixRule: .fixedLength(1))
  }

  static let values = [
    [UInt8](repeating: 1, count: 40), [UInt8](repeating: 2, count: 400), [UInt8](repeating: 3, count: 10),
  ]
  static let model: [String: [UInt8]] = [
    "a": Array("a9".utf8), "c": values[0], "e": values[1], "f": Array("f7".utf8), "g": Array("g8".utf8),
    "x": Array("x5".utf8), "y": Array("y5".utf8),
  ]

  var segments: [UInt64: Segment] = [:]
  /// What the manifest begins with.
  var edit = VersionEdit()
  /// The files as they are written, by name.
  private(set) var files: [String: [UInt8]] = [:]
  private(set) var handles: [ValueHandle] = []

  /// - Parameter change: what to make different before the segments are written.
  init(_ change: (inout HandmadeStore) -> Void = { _ in }) throws {
    let valueProperties = try makeValues()
    func value(_ key: String, _ sequence: UInt64, _ value: String) -> ModelEntry {
      ModelEntry(
        key: Array(key.utf8), trailer: EntryTrailer(sequence: sequence, kind: .value),
        value: Array(value.utf8))
    }
    func handle(_ key: String, _ sequence: UInt64, _ number: Int) -> ModelEntry {
      ModelEntry(
        key: Array(key.utf8), trailer: EntryTrailer(sequence: sequence, kind: .handle),
        value: handles[number].encoded())
    }
    segments[2] = Segment(
      level: 1,
      entries: [
        value("a", 1, "a2"), value("b", 2, "b2"), handle("c", 3, 0), value("d", 4, "d2"), handle("e", 5, 1),
        value("f", 7, "f7"), value("f", 6, "f6"),
      ])
    segments[3] = Segment(level: 1, entries: [value("m", 8, "m3"), value("n", 9, "n3")])
    segments[4] = Segment(
      level: 0,
      entries: [
        value("a", 20, "a4"),
        ModelEntry(key: [0x62], trailer: EntryTrailer(sequence: 21, kind: .removal), value: []),
      ], tombstones: [RangeTombstone(lower: [0x64], upper: [0x65], sequence: 22)])
    segments[5] = Segment(level: 0, entries: [value("x", 1, "x5"), value("y", 1, "y5")], base: 30)
    edit.storeIdentity = [UInt8](repeating: 7, count: 16)
    edit.addedLogs = [8, 9]
    edit.addedValueFiles = [valueProperties]
    edit.lastSequence = 33
    edit.nextFileNumber = 10
    if var liveness = ValueLiveness(valueProperties) {
      _ = liveness.drop([handles[2]])
      edit.addedOrigins = [liveness]
    }
    change(&self)
    for (number, segment) in segments.sorted(by: { $0.key < $1.key }) { try add(segment, number) }
    try addLogs()
  }

  private mutating func makeValues() throws -> ValueFileProperties {
    let file = MemoryFile()
    let builder = ValueFileBuilder(
      file: file, fileNumber: 1, salt: 11,
      options: ValueFileOptions(compressionLevel: 1, leastCompressedBytes: 100))
    handles = try Self.values.map { value in try value.withUnsafeBytes { try builder.append($0) } }
    let properties = try builder.finish()
    files["00000001.values"] = file.bytes
    return properties
  }

  private mutating func add(_ segment: Segment, _ number: UInt64) throws {
    let file = MemoryFile()
    let builder = SegmentBuilder(
      file: file, fileNumber: number, salt: 100 + number, options: segment.options)
    for entry in segment.entries {
      try entry.key.withUnsafeBytes { key in
        try entry.value.withUnsafeBytes { try builder.add(key: key, trailer: entry.trailer, value: $0) }
      }
    }
    for tombstone in segment.tombstones { try builder.add(tombstone) }
    var properties = try builder.finish()
    properties.fileBytes = UInt64(file.bytes.count)
    guard let rebased = properties.rebased(by: segment.base) else {
      throw StorageError(.invalidArgument, "no such base")
    }
    edit.addedSegments.append(.init(level: segment.level, properties: rebased))
    files[StoreDirectory.Entry.segment(number).name] = file.bytes
  }

  private mutating func addLogs() throws {
    func batch(_ operations: (inout WriteBatch) throws -> Void) throws -> WriteBatch {
      var batch = WriteBatch(byteLimit: 1 << 20)
      try operations(&batch)
      return batch
    }
    let first = try Self.log(
      8, predecessor: nil, firstSequence: 32,
      [
        batch {
          try $0.set([0x67], to: Array("g8".utf8))
          try $0.remove([0x6D])
        }
      ])
    files["00000008.log"] = first.bytes
    let second = try Self.log(
      9, predecessor: first.end, firstSequence: 34, sealing: 36,
      [
        batch { try $0.set([0x61], to: Array("a9".utf8)) },
        batch { try $0.remove(KeyRange(from: [0x6E], to: [0x6F])) },
      ])
    files["00000009.log"] = second.bytes
  }

  /// A log with a frame for each batch.
  static func log(
    _ number: UInt64, predecessor: FrameFileHeader.End?, firstSequence: UInt64, sealing: UInt64? = nil,
    _ batches: [WriteBatch]
  ) throws -> (bytes: [UInt8], end: FrameFileHeader.End) {
    let file = MemoryFile()
    let buffer = FrameBuffer()
    let writer = try Self.writer(
      FrameFileHeader(purpose: .log, number: number, salt: 200 + number, predecessor: predecessor), file,
      buffer)
    var sequence = firstSequence
    for batch in batches {
      BatchGroup.append(batch, to: buffer)
      try writer.append(.group, firstSequence: sequence, batchCount: 1, synchronizing: true)
      buffer.removeAll()
      sequence += UInt64(batch.count)
    }
    if let sealing { try writer.appendSeal(nextSequence: sealing) }
    return (file.bytes, writer.end)
  }

  /// A manifest with these payloads, one a frame.
  static func manifest(_ payloads: [[UInt8]], sealing: Bool = false) throws -> [UInt8] {
    let file = MemoryFile()
    let buffer = FrameBuffer()
    let writer = try Self.writer(
      FrameFileHeader(purpose: .manifest, number: 1, salt: 300, predecessor: nil), file, buffer)
    for payload in payloads {
      buffer.removeAll()
      payload.withUnsafeBytes { buffer.append($0) }
      try writer.append(.edit, firstSequence: 33, batchCount: 1, synchronizing: true)
    }
    if sealing { try writer.appendSeal(nextSequence: 33) }
    return file.bytes
  }

  private static func writer(
    _ header: FrameFileHeader, _ file: MemoryFile, _ buffer: FrameBuffer
  ) throws -> FrameWriter {
    let page = header.encoded()
    try page.withUnsafeBytes { try file.write($0, at: 0) }
    return FrameWriter(
      file, header: header, headerChecksum: page.withUnsafeBytes { FrameFileHeader.checksum(ofEncoded: $0) },
      capacity: 0, latch: FailureLatch(), buffer: buffer)
  }

  /// The properties that the manifest will have of a segment.
  func properties(_ number: UInt64) -> SegmentProperties? {
    edit.addedSegments.first { $0.properties.fileNumber == number }?.properties
  }

  /// Puts other properties into the manifest.
  mutating func list(_ number: UInt64, _ change: (inout SegmentProperties) -> Void) {
    for index in edit.addedSegments.indices
    where edit.addedSegments[index].properties.fileNumber == number {
      change(&edit.addedSegments[index].properties)
    }
  }

  /// All files, the manifest too.
  func allFiles() throws -> [String: [UInt8]] {
    var result = files
    // Two frames, so that the second vouches for the first.
    var rest = VersionEdit()
    rest.lastSequence = 33
    if result["MANIFEST"] == nil {
      result["MANIFEST"] = try Self.manifest([edit.encoded(), rest.encoded()], sealing: true)
    }
    return result
  }

  mutating func set(_ name: String, _ bytes: [UInt8]) { files[name] = bytes }

  /// A disk with these files.
  static func disk(_ files: [String: [UInt8]]) throws -> SimulatedFileSystem {
    let disk = SimulatedFileSystem()
    try disk.createDirectory(path)
    for (name, bytes) in files {
      let file = try disk.openFile(path + "/" + name, .create)
      try bytes.withUnsafeBytes { try file.write($0, at: 0) }
    }
    return disk
  }

  func disk() throws -> SimulatedFileSystem { try Self.disk(allFiles()) }

  static func verify(
    _ disk: SimulatedFileSystem, _ depth: VerificationDepth = .everything
  ) throws -> VerificationReport {
    try Engine.verify(at: path, depth, environment: .simulated(disk, seed: 1))
  }

  func verify(_ depth: VerificationDepth = .everything) throws -> VerificationReport {
    try Self.verify(disk(), depth)
  }

  static var options: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 64 << 10
    return options
  }

  /// What a store holds for those who open it.
  static func contents(_ disk: SimulatedFileSystem, at path: String = path) throws -> [String: [UInt8]] {
    let engine = try Engine.open(at: path, options: options, environment: .simulated(disk, seed: 3))
    defer { try? engine.close() }
    return Dictionary(
      uniqueKeysWithValues: try engine.all().map { (String(decoding: $0.key, as: UTF8.self), $0.value) })
  }
}
