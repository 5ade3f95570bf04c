// What one life of a simulated workload has instead of a machine, and its ties to the world outside.

public import Cairn
public import CairnEngine
public import CairnKV
import Synchronization

/// A machine for one life of a workload: a disk that holds what the life before has left, a clock, randomness, and a
/// world outside that forgets nothing.
///
/// Everything that it does is one operation, be it on the disk or beside it, and the machine may stop at each. From
/// then on every call throws an error of which `StorageError.isSimulatedPowerCut` is true, nothing happens
/// any more, and the workload's task is cancelled.
public final class SimulatedWorld: Sendable {
  /// Where ``open(_:options:)`` has the store unless told otherwise.
  public static let path = "/store"

  /// Options by which a store is so small that few commits make it flush and compact.
  public static var smallStore: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 8 << 10
    return options
  }

  /// Which life of the workload this is, from 1 on.
  public let life: Int
  /// The disk.
  public let fileSystem: SimulatedFileSystem
  /// The clock. It stands still but for ``advance(byMilliseconds:)`` and between two lives. Its wall clock survives.
  public let time: SimulatedTime
  /// Randomness for the workload's own use; another one in each life.
  public let random: SeededRandomSource
  /// All of it, for who opens an engine or a store without ``open(_:options:)``.
  public let environment: Environment

  private let scheduler: ManualScheduler
  private let outside: Mutex<SimulationFacts>

  init(_ fileSystem: SimulatedFileSystem, facts: SimulationFacts, time: SimulatedTime, seed: UInt64) {
    var facts = facts
    facts.lives += 1
    life = facts.lives
    outside = Mutex(facts)
    self.fileSystem = fileSystem
    self.time = time
    var generator = SeededGenerator(seed: seed &+ UInt64(life))
    random = SeededRandomSource(seed: generator.next())
    scheduler = ManualScheduler(time: time)
    environment = Environment(
      fileSystem: fileSystem, time: time, random: SeededRandomSource(seed: generator.next()),
      scheduler: scheduler)
  }

  /// What has happened outside so far, in this life and those before.
  public var facts: SimulationFacts {
    outside.withLock { $0 }
  }

  /// Opens the store in a directory of this world's disk, creating it if need be.
  /// - Parameters:
  ///   - path: The store's directory, whose parent must exist.
  ///   - options: The engine's options.
  /// - Throws: As `Store.open(_:options:environment:)`.
  public func open(
    _ path: String = SimulatedWorld.path, options: EngineOptions = SimulatedWorld.smallStore
  ) async throws(StoreError) -> Store {
    try await Store.open(path, options: options, environment: environment)
  }

  /// Does something to the world outside: a mail is sent, a card is charged. No crash takes it back.
  ///
  /// The machine may stop before it, and directly after it. When it fails by plan, it may have happened or not.
  /// - Parameter key: What was done; for a service that knows requests by a key, that key.
  /// - Returns: How often it has been done now. A service that knows requests by their keys acts on the first alone.
  /// - Throws: `StorageError` when the machine has stopped, or the plan lets it fail.
  @discardableResult
  public func effect(_ key: String) throws(StorageError) -> Int {
    try happen(.effect, .effect, key)
    return facts.count(of: key)
  }

  /// Tells the world outside: an acknowledgement is sent, a line is printed. No crash takes it back.
  ///
  /// What was told is what a check holds the store to: note what was acknowledged, and check that it is there.
  /// - Throws: `StorageError` when the machine has stopped.
  public func note(_ text: String) throws(StorageError) {
    try happen(.note, .note, text)
  }

  /// Lets time pass, and has done what the engine does in such a while.
  /// - Throws: `StorageError` when the machine has stopped.
  public func advance(byMilliseconds milliseconds: UInt32) throws(StorageError) {
    try fileSystem.perform(.pass, "\(milliseconds) ms") { _ in }
    scheduler.advance(byMilliseconds: milliseconds)
  }

  /// Throws a ``FailedExpectation`` unless something is so: for the checks of a simulation, which fail by throwing.
  /// - Parameters:
  ///   - condition: What should be so.
  ///   - message: What is wrong when it is not.
  public func expect(
    _ condition: Bool, _ message: @autoclosure () -> String
  ) throws(FailedExpectation) {
    if !condition { throw FailedExpectation(message: message()) }
  }

  private func happen(
    _ operation: FaultPlan.Operation, _ kind: SimulationFacts.Fact.Kind, _ text: String
  ) throws(StorageError) {
    let life = life
    let happen = { self.outside.withLock { $0.all.append(.init(kind: kind, text: text, life: life)) } }
    try fileSystem.perform(operation, text) { _ in
      happen()
    } interrupted: { _, generator in
      if generator.chance(1, in: 2) { happen() }
    }
  }
}

/// What a check of a simulation found to be wrong.
public struct FailedExpectation: Error, Hashable, CustomStringConvertible {
  /// What is wrong, for people.
  public let message: String

  /// A failure.
  public init(message: String) {
    self.message = message
  }

  public var description: String { message }
}
