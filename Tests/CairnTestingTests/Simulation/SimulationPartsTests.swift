import CairnEngine
import CairnKV
import Synchronization
import Testing

@testable import CairnTesting

/// The parts of a simulation, each for itself.
@Suite struct SimulationPartsTests {
  private static func operations(_ kinds: [FaultPlan.Operation]) -> [RecordedOperation] {
    kinds.map { RecordedOperation(operation: $0, path: "/a", detail: "") }
  }

  @Test func placesAreSaidOnce() {
    let places = Places(of: Self.operations([.open, .write, .read, .effect, .rename, .close])).all
    #expect(
      places == [
        Place(operation: 2, moment: .before), Place(operation: 2, moment: .during),
        Place(operation: 4, moment: .before, isAtFact: true),
        Place(operation: 5, moment: .before, isAtFact: true),
        Place(operation: 5, moment: .after),
      ])
    #expect(Places(of: Self.operations([.read, .close])).all == [])
  }

  @Test func aSampleHasThePlacesAtFacts() {
    let kinds =
      [FaultPlan.Operation](repeating: .write, count: 50) + [.note] + .init(repeating: .write, count: 50)
    let places = Places(of: Self.operations(kinds))
    var generator = SeededGenerator(seed: 1)
    let sample = places.sample(10, &generator)
    #expect(sample.count == 10)
    #expect(sample.filter(\.isAtFact).map(\.operation) == [51, 52])
    #expect(sample.map(\.operation) == sample.map(\.operation).sorted())
    #expect(places.sample(10, &generator) != sample)
    #expect(places.sample(1000, &generator) == places.all)
  }

  @Test func simplerCasesHaveLess() {
    let crash = Mishap.crash(at: 3, .during, .strict, draw: 2)
    let candidates = Shrinking.candidates(for: [crash, .crash(at: 1, .before, .kill)])
    #expect(candidates.prefix(2) == [[.crash(at: 1, .before, .kill)], [crash]])
    #expect(candidates.contains([.crash(at: 3, .during, .strict)]))
    #expect(candidates.contains([.crash(at: 3, .during, .kill), .crash(at: 1, .before, .kill)]))
    #expect(candidates.contains([.crash(at: 3, .during, .strict), .crash(at: 1, .before, .kill)]))
    #expect(candidates.contains([.crash(at: 1, .before, .strict), .crash(at: 1, .before, .kill)]))
    #expect(!candidates.contains([crash, .crash(at: 1, .before, .kill)]))
    #expect(Shrinking.candidates(for: [.crash(at: 1, .before, .kill)]) == [[]])
    #expect(Shrinking.candidates(for: []) == [])
    let fault = Mishap.fault(.write, occurrence: 2, isSticky: true, then: .ordered)
    #expect(
      Shrinking.candidates(for: [fault]) == [
        [], [.fault(.write, occurrence: 2, isSticky: true, then: .kill)],
        [.fault(.write, occurrence: 2, then: .ordered)],
        [.fault(.write, occurrence: 1, isSticky: true, then: .ordered)],
      ])
  }

  @Test func mishapsReadAsTheyAreWritten() {
    #expect("\(Mishap.crash(at: 3, .during, .strict, draw: 2))" == ".crash(at: 3, .during, .strict, draw: 2)")
    #expect("\(Mishap.crash(at: 3, .before, .kill))" == ".crash(at: 3, .before, .kill)")
    #expect(
      "\(Mishap.fault(.synchronize, occurrence: 2, isSticky: true, .noSpace, then: .ordered))"
        == ".fault(.synchronize, occurrence: 2, isSticky: true, .noSpace, then: .ordered)")
    #expect(
      "\(Mishap.fault(.read, occurrence: 1))" == ".fault(.read, occurrence: 1, .inputOutput, then: .kill)")
  }

  /// One life up to a crash does for all models, but what they lose is drawn anew.
  @Test func whatIsDrawnDependsOnTheMishap() {
    let kill = Mishap.crash(at: 3, .during, .kill)
    let strict = Mishap.crash(at: 3, .during, .strict)
    #expect(kill.strikeSalt == strict.strikeSalt)
    #expect(kill.lossSalt != strict.lossSalt)
    #expect(strict.lossSalt != Mishap.crash(at: 3, .during, .strict, draw: 1).lossSalt)
    #expect(strict.strikeSalt != Mishap.crash(at: 4, .during, .strict).strikeSalt)
    // Not `Hasher`'s, which are others in each process.
    #expect(kill.strikeSalt == 9_173_063_886_335_249_338)
  }

  @Test(
    arguments: [
      ("7", [7]), ("3-5", [3, 4, 5]), ("0-0", [0]), ("", nil), ("-", nil), ("5-3", nil), ("a", nil),
      ("1-", nil),
      ("0-1000000", nil),
    ] as [(String, [UInt64]?)])
  func seedsAreRead(text: String, seeds: [UInt64]?) {
    #expect(SimulationSeeds.parse(text) == seeds)
  }

  @Test func thePowerGoesAtItsMoment() throws {
    let bytes = [UInt8](repeating: 1, count: 1000)
    for (moment, expected) in [(FaultPlan.Moment.before, [0]), (.after, [1000]), (.during, [])] {
      var sizes: Set<Int> = []
      for seed in 0..<8 as Range<UInt64> {
        let disk = SimulatedFileSystem(
          faultPlan: FaultPlan(powerCutAtOperation: 2, powerCutMoment: moment, seed: seed))
        let file = try disk.openFile("/file", .create)
        #expect(!disk.isPowerOff)
        #expect(throws: StorageError.self) { try bytes.withUnsafeBytes { try file.write($0, at: 0) } }
        #expect(disk.isPowerOff)
        let after = disk.crash(.kill, seed: 0)
        sizes.insert(Int(try after.information(at: "/file")?.size ?? 0))
      }
      if expected.isEmpty { #expect(sizes.count > 4) } else { #expect(sizes == Set(expected)) }
    }
  }

  @Test func failuresThatAreMetAreCounted() throws {
    let disk = SimulatedFileSystem(faultPlan: FaultPlan([.init(.list, occurrence: 2, isSticky: true)]))
    for _ in 0..<3 { _ = try? disk.list("/") }
    #expect(disk.metFaultCount == 2)
    disk.setFaultPlan(FaultPlan())
    #expect(disk.metFaultCount == 0)
  }

  /// All of it while `begin` runs, one job at a time, in an order that the seed alone decides.
  @Test func theSeedDecidesInWhichOrderJobsRun() async {
    var orders: Set<[Int]> = []
    for seed in 1...12 as ClosedRange<UInt64> {
      let first = await order(seed: seed)
      #expect(first.sorted() == [0, 1, 2, 10, 11, 12], "seed \(seed)")
      #expect(await order(seed: seed) == first, "seed \(seed)")
      for number in 0..<3 {
        #expect(first.firstIndex(of: number) ?? 9 < first.firstIndex(of: 10 + number) ?? 0, "seed \(seed)")
      }
      orders.insert(first)
    }
    #expect(orders.count > 4)
  }

  private func order(seed: UInt64) async -> [Int] {
    let executor = SerialTaskExecutor(seed: seed)
    let log = NumberLog()
    let task = Task(executorPreference: executor) {
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<3 {
          group.addTask {
            log.add(number)
            await Task.yield()
            log.add(10 + number)
          }
        }
      }
    }
    #expect(log.numbers == [])
    executor.begin()
    let numbers = log.numbers
    await task.value
    return numbers
  }
}

/// Numbers in the order in which they were added.
private final class NumberLog: Sendable {
  private let list = Mutex<[Int]>([])
  var numbers: [Int] { list.withLock { $0 } }
  func add(_ number: Int) { list.withLock { $0.append(number) } }
}
