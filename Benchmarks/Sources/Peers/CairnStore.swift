public import CairnEngine
import CairnKV
import Foundation

/// Cairn. Reads are borrowed (``KeyValueReader/lendValue(of:to:)``, `forEachEntry`), each from a snapshot of its own.
public struct CairnStoreEngine: StoreEngine {
  public init() {}

  public var name: String { "Cairn" }
  public var version: String { "this tree" }

  public func configuration(_ settings: StoreSettings) -> String {
    let prefix = settings.prefixBytes.map { ", prefixRule \($0) bytes" } ?? ""
    return
      "memoryLimit \(settings.memoryBytes >> 20) MiB\(prefix); all else as it comes (zstd at level "
      + "-1 when flushed or ingested, at 1 when compacted); "
      + "durable: .durable; not durable: .buffered"
  }

  public func open(at path: String, _ settings: StoreSettings) throws -> any BenchmarkStore {
    var options = EngineOptions()
    options.memoryLimit = settings.memoryBytes
    options.prefixRule = settings.prefixBytes.map { .fixedLength($0) } ?? .none
    return CairnStore(
      try Engine.open(at: path, options: options), keepsLogFiles: settings.isWrittenOn)
  }
}

/// A store of Cairn. Its engine is there for rows that only Cairn has.
public final class CairnStore: BenchmarkStore {
  public let engine: Engine

  private let keepsLogFiles: Bool

  init(_ engine: Engine, keepsLogFiles: Bool) {
    self.engine = engine
    self.keepsLogFiles = keepsLogFiles
  }

  public func makeSession() -> any StoreSession { CairnSession(engine) }

  /// A durable commit takes everything before it along.
  public func synchronize() throws { try engine.write(.durable) { try $0.set(Self.marker, to: []) } }

  /// The least key of all, which no workload writes or scans.
  static let marker: [UInt8] = []

  /// A flush, and then whatever compactions its own rules ask for, and removals of files.
  public func settle() throws {
    try engine.flush(keepingLogFiles: keepsLogFiles)
    var quiet = 0
    while quiet < 3 {
      let statistics = engine.statistics()
      let isBusy =
        statistics.memory.sealedMemtables > 0 || statistics.compactionDebtBytes > 0
        || statistics.removals.waitingCount > 0
      quiet = isBusy ? 0 : quiet + 1
      usleep(1000)
    }
  }

  public func close() throws { try engine.close() }
}

private final class CairnSession: StoreSession {
  private let engine: Engine

  init(_ engine: Engine) { self.engine = engine }

  func commit(_ writes: WriteSet, durable: Bool) throws {
    try engine.write(durable ? .durable : .buffered) { batch in
      for index in 0..<writes.count { try batch.set(writes.keys[index], to: writes.values[index]) }
    }
  }

  func lend(_ key: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws {
    try engine.read { reader in
      try reader.lendValue(of: key) { value in
        guard let value else { return body(nil) }
        value.withUnsafeBytes { body($0) }
      }
    }
  }

  func get(_ key: [UInt8]) throws -> [UInt8]? { try engine.read { try $0.get(key) } }

  func scan(
    from lower: [UInt8], limit: Int, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) throws {
    try visit(KeyRange(from: lower, to: nil), .ascending, limit, body)
  }

  private func visit(
    _ range: KeyRange, _ direction: ScanDirection, _ limit: Int,
    _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) throws {
    try engine.read { reader in
      try reader.forEachEntry(in: range, direction, limit: limit) { key, value in
        key.withUnsafeBytes { key in value.withUnsafeBytes { body(key, $0) } }
        return .proceed
      }
    }
  }

  func newest(ofPrefix prefix: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws {
    var isFound = false
    try visit(.prefix(prefix), .descending, 1) { _, value in
      isFound = true
      body(value)
    }
    if !isFound { body(nil) }
  }

  func removeAll(from lower: [UInt8], to upper: [UInt8]) throws {
    try engine.write(.durable) { try $0.remove(KeyRange(from: lower, to: upper)) }
  }
}
