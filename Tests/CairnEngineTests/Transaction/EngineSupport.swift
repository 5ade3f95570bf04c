import CairnEngine
import CairnKV
import CairnTesting
import Synchronization

extension Environment {
  /// Files in memory, real threads.
  static func threaded(_ fileSystem: any FileSystem) -> Environment {
    Environment(
      fileSystem: fileSystem, time: SimulatedTime(), random: SeededRandomSource(seed: 1),
      scheduler: ThreadScheduler())
  }
}

/// Runs `body` on `count` threads of its own, and waits for them.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  let queues = (0..<count).map { ThreadScheduler().makeQueue(label: "test-\($0)") }
  for (index, queue) in queues.enumerated() { queue.submit { body(index) } }
  for queue in queues { queue.drainAndStop() }
}

/// A list that several threads add to.
final class Shared<Element: Sendable>: Sendable {
  private let list = Mutex<[Element]>([])
  var all: [Element] { list.withLock { $0 } }
  func add(_ element: Element) { list.withLock { $0.append(element) } }
}

func code(_ body: () throws -> Void) -> StorageError.Code? {
  do { try body() } catch { return (error as? StorageError)?.code }
  return nil
}

extension KeyValueReader {
  /// What `get` returns, but read by borrowing.
  func lent(_ key: [UInt8]) throws -> [UInt8]? {
    try withValue(of: key) { value in
      guard let value else { return nil }
      return value.withUnsafeBytes { [UInt8]($0) }
    }
  }

  /// What `entries` returns, but read by borrowing.
  func lentEntries(
    in range: KeyRange, _ direction: ScanDirection = .ascending, limit: Int? = nil
  ) throws -> [KeyValue] {
    var result: [KeyValue] = []
    try forEachEntry(in: range, direction, limit: limit) { key, value in
      result.append(
        KeyValue(key: key.withUnsafeBytes { [UInt8]($0) }, value: value.withUnsafeBytes { [UInt8]($0) }))
      return .proceed
    }
    return result
  }
}

extension Engine {
  func get(_ key: [UInt8]) throws -> [UInt8]? { try read { try $0.get(key) } }
  func all() throws -> [KeyValue] { try read { try $0.entries(in: .all) } }
}
