import CairnEngine
import CairnKV
import Foundation

/// What is measured. Each workload makes a fresh directory below `base`, and removes it.
struct Workloads {
  let base: String
  let seconds: Double
  static let valueBytes = 256

  /// The most that any store can do with one sync a commit: one page written into a pre-written file, and
  /// synced.
  func physicalLimit() throws -> Double {
    try inFreshDirectory { directory in
      let file = try POSIXFileSystem().openFile(directory + "/limit", .create)
      let pageBytes = 4096
      let pages = 16_384
      let zeros = [UInt8](repeating: 0, count: 1 << 20)
      for chunk in 0..<(pages * pageBytes / zeros.count) {
        try zeros.withUnsafeBytes { try file.write($0, at: UInt64(chunk * zeros.count)) }
      }
      try file.synchronize()
      let page = [UInt8](repeating: 7, count: pageBytes)
      return try rate { index in
        try page.withUnsafeBytes { try file.write($0, at: UInt64(index % pages * pageBytes)) }
        try file.synchronize()
      }
    }
  }

  /// Durable commits of one small value each, one after the other.
  func oneThread() throws -> Double {
    try inFreshDirectory { directory in
      let engine = try Engine.open(at: directory + "/store")
      let value = [UInt8](repeating: 7, count: Self.valueBytes)
      let result = try rate { index in try engine.write { try $0.set(Self.key(index), to: value) } }
      try engine.close()
      return result
    }
  }

  struct Shared {
    var commitsPerSecond: Double
    var commitsPerSynchronization: Double
  }

  /// The same from many threads at once.
  func threads(_ count: Int) throws -> Shared {
    try inFreshDirectory { directory in
      let fileSystem = CountingFileSystem()
      var environment = Environment.system
      environment.fileSystem = fileSystem
      let engine = try Engine.open(at: directory + "/store", environment: environment)
      let value = [UInt8](repeating: 7, count: Self.valueBytes)
      let deadline = ContinuousClock.now + .seconds(seconds)
      let before = fileSystem.synchronizationCount
      let start = ContinuousClock.now
      let counts = ThreadCounts(count)
      let threads = (0..<count).map { number in
        let thread = Thread {
          var index = 0
          while ContinuousClock.now < deadline {
            guard (try? engine.write { try $0.set(Self.key(number << 32 | index), to: value) }) != nil else {
              return
            }
            index += 1
          }
          counts.finish(number, index)
        }
        thread.start()
        return thread
      }
      withExtendedLifetime(threads) { counts.waitForAll() }
      let elapsed = (ContinuousClock.now - start) / .seconds(1)
      let synchronizations = fileSystem.synchronizationCount - before
      try engine.close()
      return Shared(
        commitsPerSecond: Double(counts.total) / elapsed,
        commitsPerSynchronization: Double(counts.total) / Double(max(1, synchronizations)))
    }
  }

  /// The same from many tasks at once, on the cooperative pool.
  func tasks(_ count: Int) async throws -> Double {
    let directory = try freshDirectory()
    let engine = try await Engine.open(at: directory + "/store")
    let value = [UInt8](repeating: 7, count: Self.valueBytes)
    let start = ContinuousClock.now
    let deadline = start + .seconds(seconds)
    let total = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<count {
        group.addTask {
          var index = 0
          while ContinuousClock.now < deadline {
            try await engine.write { try $0.set(Self.key(number << 32 | index), to: value) }
            index += 1
          }
          return index
        }
      }
      return try await group.reduce(0, +)
    }
    let elapsed = (ContinuousClock.now - start) / .seconds(1)
    try await engine.close()
    try FileManager.default.removeItem(atPath: directory)
    return Double(total) / elapsed
  }

  struct Empty {
    var openMilliseconds: Double
    var bytes: Int
  }

  /// Opening a store that holds nothing, with its files in the system's cache.
  func emptyStore() throws -> Empty {
    try inFreshDirectory { directory in
      let path = directory + "/store"
      try Engine.open(at: path).close()
      var times: [Double] = []
      for _ in 0..<11 {
        let start = ContinuousClock.now
        let engine = try Engine.open(at: path)
        times.append((ContinuousClock.now - start) / .milliseconds(1))
        try engine.close()
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: path)
      let bytes = try names.reduce(0) { sum, name in
        let attributes = try FileManager.default.attributesOfItem(atPath: path + "/" + name)
        return sum + (attributes[.size] as? Int ?? 0)
      }
      return Empty(openMilliseconds: times.sorted()[times.count / 2], bytes: bytes)
    }
  }

  // MARK: The measuring itself

  private static func key(_ index: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt64(index).bigEndian) { [UInt8]($0) }
  }

  /// How often a second `body` runs.
  private func rate(_ body: (Int) throws -> Void) throws -> Double {
    for index in 0..<50 { try body(index) }
    let start = ContinuousClock.now
    var count = 0
    while ContinuousClock.now - start < .seconds(seconds) {
      try body(50 + count)
      count += 1
    }
    return Double(count) / ((ContinuousClock.now - start) / .seconds(1))
  }

  private func inFreshDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
    let directory = try freshDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    return try body(directory)
  }

  private func freshDirectory() throws -> String {
    let directory = base + "/" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    return directory
  }
}

/// What each thread has done, filled in as they end.
private final class ThreadCounts: @unchecked Sendable {
  private let condition = NSCondition()
  private var counts: [Int]
  private var finished = 0

  init(_ threads: Int) {
    counts = Array(repeating: 0, count: threads)
  }

  func finish(_ thread: Int, _ count: Int) {
    condition.withLock {
      counts[thread] = count
      finished += 1
      condition.signal()
    }
  }

  func waitForAll() {
    condition.withLock { while finished < counts.count { condition.wait() } }
  }

  var total: Int { condition.withLock { counts.reduce(0, +) } }
}
