public import CairnKV
import Synchronization

/// Reads from one snapshot of the store.
@usableFromInline
final class EngineReader: KeyValueReader {
  private let view: ReadView
  // A plain variable would cost a check of exclusive access at every read.
  private let hasEnded = Atomic<Bool>(false)

  init(_ view: ReadView) {
    self.view = view
  }

  /// After this every read throws `.ended`: what is read later would be older than whoever reads it believes.
  @usableFromInline
  func end() { hasEnded.store(true, ordering: .relaxed) }

  @usableFromInline
  func get(_ key: [UInt8]) throws(StorageError) -> [UInt8]? {
    try check()
    return try view.copy(view.find(key))
  }

  @usableFromInline
  func lendValue(of key: [UInt8], to body: (RawSpan?) -> Void) throws(StorageError) {
    try check()
    try view.lend(view.find(key), to: body)
  }

  @usableFromInline
  func first(in range: KeyRange) throws(StorageError) -> KeyValue? { try one(in: range, .ascending) }
  @usableFromInline
  func last(in range: KeyRange) throws(StorageError) -> KeyValue? { try one(in: range, .descending) }

  @usableFromInline
  func scan(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, _ visit: (KeyValue) -> ScanStep
  ) throws(StorageError) {
    try check()
    _ = try view.scan(range, direction, limit: limit, own: nil, visit)
  }

  @usableFromInline
  func forEachEntry(
    in range: KeyRange, _ direction: ScanDirection, limit: Int?, _ body: (RawSpan, RawSpan) -> ScanStep
  ) throws(StorageError) {
    try check()
    _ = try view.forEachEntry(in: range, direction, limit: limit, own: nil, body)
  }

  private func one(in range: KeyRange, _ direction: ScanDirection) throws(StorageError) -> KeyValue? {
    try check()
    return try view.one(in: range, direction, own: nil)
  }

  private func check() throws(StorageError) {
    if hasEnded.load(ordering: .relaxed) {
      throw StorageError(.ended, "the reader was used after its closure had returned; read inside it")
    }
  }
}
