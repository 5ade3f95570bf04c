import Foundation

/// An engine that can be measured: it opens stores, and says how.
public protocol StoreEngine: Sendable {
  /// What the table calls it.
  var name: String { get }
  /// The version of the library that is linked.
  var version: String { get }
  /// Every option that is not the engine's default, and what durability means for it.
  func configuration(_ settings: StoreSettings) -> String
  /// Opens the store in the directory at `path`, or creates both.
  func open(at path: String, _ settings: StoreSettings) throws -> any BenchmarkStore
}

/// What every engine is given alike. Each turns it into options of its own, and says so in its configuration.
public struct StoreSettings: Sendable {
  /// What caches, write buffers and mappings may take together.
  public var memoryBytes: Int
  /// Keys begin with a prefix of so many bytes within which reads stay.
  public var prefixBytes: Int?
  /// Whether values of a kilobyte or more are to be expected.
  public var hasLargeValues: Bool
  /// After it has settled the store is written on at once: files that an engine has ready for that it keeps.
  public var isWrittenOn: Bool

  public init(
    memoryBytes: Int, prefixBytes: Int? = nil, hasLargeValues: Bool = false, isWrittenOn: Bool = false
  ) {
    self.isWrittenOn = isWrittenOn
    self.memoryBytes = memoryBytes
    self.prefixBytes = prefixBytes
    self.hasLargeValues = hasLargeValues
  }

  /// One write buffer, for engines that have such: as large as Cairn's memtable under the same limit.
  public var writeBufferBytes: Int { min(memoryBytes / 8, 64 << 20) }
}

/// A store that is open. May be used from several threads, each with a session of its own.
public protocol BenchmarkStore: AnyObject, Sendable {
  /// For one thread, from the call on.
  func makeSession() throws -> any StoreSession
  /// Makes durable what was committed without.
  func synchronize() throws
  /// Brings deferred work to its end: what was committed is durable and where the engine wants to have it, and nothing
  /// is left to be flushed, checkpointed or compacted by the engine's own rules.
  func settle() throws
  /// Sessions must be gone.
  func close() throws
}

/// What one thread does with a store.
///
/// Keys and values come as arrays which the driver uses again and again: whoever takes pointers has them for nothing,
/// and nobody pays for making them.
public protocol StoreSession: AnyObject {
  /// Commits all writes together. With `durable` they are on the disk afterwards.
  func commit(_ writes: WriteSet, durable: Bool) throws
  /// Lends the value of `key`, or `nil`, as cheaply as the engine can.
  func lend(_ key: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws
  /// The same with a copy of the value.
  func get(_ key: [UInt8]) throws -> [UInt8]?
  /// Lends up to `limit` entries, in order, from the first one not below `lower` on.
  func scan(
    from lower: [UInt8], limit: Int, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) throws
  /// Lends the value of the greatest key that begins with `prefix`.
  func newest(ofPrefix prefix: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws
  /// Removes all keys from `lower` up to, and without, `upper`, durably, in whatever way the engine does it best.
  func removeAll(from lower: [UInt8], to upper: [UInt8]) throws
}

extension StoreSession {
  public func get(_ key: [UInt8]) throws -> [UInt8]? {
    var result: [UInt8]?
    try lend(key) { value in result = value.map { [UInt8]($0) } }
    return result
  }
}

/// Writes that are committed together.
public struct WriteSet {
  public var keys: [[UInt8]]
  public var values: [[UInt8]]
  /// All keys are greater than any that was written before, and ascend: an engine that can append may.
  public var appends = false

  public init(keys: [[UInt8]], values: [[UInt8]]) {
    precondition(keys.count == values.count)
    self.keys = keys
    self.values = values
  }

  public var count: Int { keys.count }
}

/// Why an engine has refused something.
public struct StoreFailure: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }

  /// Takes over, and frees, the message that C interfaces leave behind.
  static func check(_ message: UnsafeMutablePointer<CChar>?, _ what: String) throws {
    guard let message else { return }
    defer { free(message) }
    throw StoreFailure("\(what): \(String(cString: message))")
  }
}

/// The successor of a prefix: the least key greater than all that begin with it; `nil` when there is none.
func successor(ofPrefix prefix: [UInt8]) -> [UInt8]? {
  var result = prefix
  while let last = result.last {
    if last < 0xFF {
      result[result.count - 1] = last + 1
      return result
    }
    result.removeLast()
  }
  return nil
}

extension [UInt8] {
  /// Its bytes as C interfaces want them.
  @inline(__always)
  func withCharacters<Result>(
    _ body: (UnsafePointer<CChar>?, Int) throws -> Result
  ) rethrows -> Result {
    try withUnsafeBytes { try body($0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count) }
  }
}
