import CairnEngine
import CairnKV
import CairnTesting
import Foundation
import Synchronization
import Testing

@testable import CairnCommand

/// What writers do and say.
@Suite struct CrashWriterTests {
  @Test(arguments: [CrashLine.resume(1), .begin(2), .acknowledged(300), .buffered(4), .backedUp(5)])
  func linesTurnBack(line: CrashLine) { #expect(CrashLine(line.text[...]) == line) }

  @Test(arguments: [
    "", "ACK", "ACK ", "ACK x", "ACK +1", "ACK 0", "ACK 01", "ACK -1", "ACK 1 2", " ACK 1", "ack 1",
    "ACK 99999999999999999999", "ACK 281474976710657",
  ])
  func otherLinesAreNone(text: String) { #expect(CrashLine(text[...]) == nil) }

  /// A socket of datagrams keeps apart what was written by different calls.
  @Test func eachLineIsWrittenByOneCall() throws {
    let fixture = try TortureFixture(isMixed: true)
    defer { fixture.folder.remove() }
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Self.datagrams, 0, &ends) == 0)
    defer { for end in ends { close(end) } }
    let output = ends[0]
    let said = Mutex<[String]>([])
    let input = ends[1]
    let ended = DispatchSemaphore(value: 0)
    let reader = Thread {
      var bytes = [UInt8](repeating: 0, count: 1000)
      while true {
        let count = recv(input, &bytes, bytes.count, 0)
        if count <= 0 || bytes[0] == UInt8(ascii: "!") { break }
        said.withLock { $0.append(String(decoding: bytes[..<count], as: UTF8.self)) }
      }
      ended.signal()
    }
    reader.start()
    try CrashWriter(directory: fixture.store, script: fixture.script, count: 100, threads: 3) { line in
      try line.write(to: output)
    }.run()
    #expect(send(output, "!", 1, 0) == 1)
    ended.wait()
    let lines = said.withLock { $0 }
    #expect(lines.first == "RESUME 1\n")
    let backups = (1...100).filter { fixture.script.operation($0).isBackedUp }
    #expect(lines.count == 201 + backups.count && !backups.isEmpty)
    #expect(lines.allSatisfy { $0.hasSuffix("\n") && CrashLine($0.dropLast()) != nil })
    for operation in 1...100 as ClosedRange<UInt64> {
      let begin = try #require(lines.firstIndex(of: "BEGIN \(operation)\n"))
      let done = fixture.script.operation(operation).isBuffered ? "BUFFERED" : "ACK"
      let end = try #require(lines.firstIndex(of: "\(done) \(operation)\n"))
      #expect(begin < end)
      if backups.contains(operation) {
        #expect(end < (try #require(lines.firstIndex(of: "BACKUP \(operation)\n"))))
      }
      // The lane's next one begins after that.
      let next = lines.firstIndex(of: "BEGIN \(operation + UInt64(CrashLane.count))\n")
      #expect(next.map { end < $0 } ?? true)
    }
  }

  private static var datagrams: Int32 {
    #if canImport(Darwin)
      SOCK_DGRAM
    #else
      Int32(SOCK_DGRAM.rawValue)
    #endif
  }

  @Test func whatCannotBeSaidEndsTheWriter() throws {
    let fixture = try TortureFixture()
    defer { fixture.folder.remove() }
    let writer = CrashWriter(directory: fixture.store, script: fixture.script, count: 10, threads: 1) {
      line in
      try line.write(to: -1)
    }
    #expect(throws: CommandFailure.self) { try writer.run() }
  }

  @Test func theNextWriterGoesOnWhateverItsThreads() throws {
    let fixture = try TortureFixture(isMixed: true)
    defer { fixture.folder.remove() }
    #expect(try fixture.write(50, threads: 1).first == .resume(1))
    #expect(try fixture.write(50, threads: 5).first == .resume(51))
    let lines = try fixture.write(3, threads: 16)
    #expect(lines.first == .resume(101))
    #expect(lines.count { if case .begin = $0 { true } else { false } } == 3)
  }

  @Test(arguments: [FaultPlan.Operation.write, .synchronize, .create], [false, true])
  func aDiskThatFailsEndsTheWriter(operation: FaultPlan.Operation, isFull: Bool) throws {
    let disk = SimulatedFileSystem()
    var environment = Environment.system
    environment.fileSystem = disk
    let script = CrashScript(seed: 1, isMixed: false)
    func writer(_ count: UInt64) -> CrashWriter {
      CrashWriter(directory: "/store", script: script, count: count, threads: 2, environment: environment) {
        _ in
      }
    }
    try writer(40).run()
    disk.setFaultPlan(
      FaultPlan([
        FaultPlan.Fault(operation, occurrence: 12, isSticky: true, cause: isFull ? .noSpace : .inputOutput)
      ]))
    let error = #expect(throws: (any Error).self) { try writer(5000).run() }
    // Which operation, and the typed error.
    let words = "\(try #require(error))"
    #expect(words.contains("operation "), "\(words)")
    #expect(
      ["inputOutput", "full", "outcomeUnknown", "storageFailed"].contains { words.contains($0 + ": ") },
      "\(words)")
  }

  @Test func theAgendaFillsWhatIsMissing() {
    // Lane 0 has three operations, lane 1 two, and the others one.
    var recorded = [UInt64](repeating: 1, count: CrashLane.count)
    (recorded[0], recorded[1]) = (3, 2)
    let agenda = CrashAgenda(recorded: recorded)
    #expect(agenda.first == 19)
    #expect(agenda.last(of: 1) == 19)
    #expect(agenda.last(of: 14) == 32)
    // 33 is there.
    #expect(agenda.last(of: 15) == 34)
    #expect(agenda.last(of: 30) == 49)
    for threads in [1, 3, 16] {
      var taken: [UInt64] = []
      for thread in 0..<threads {
        var mine = agenda
        var last: UInt64 = 0
        while let next = mine.take(thread: thread, of: threads, upTo: 49) {
          #expect(next > last)
          last = next
          taken.append(next)
        }
      }
      #expect(taken.sorted() == Array(19...32) + Array(34...49))
    }
    #expect(CrashAgenda(recorded: [UInt64](repeating: 0, count: CrashLane.count)).last(of: 5) == 5)
  }

  @Test func everythingComesAndFollowsFromSeedAndNumber() {
    let script = CrashScript(seed: 8, isMixed: true)
    let other = CrashScript(seed: 9, isMixed: true)
    var kinds: Set<String> = []
    var differing = 0
    for number in 1...3000 as ClosedRange<UInt64> {
      let operation = script.operation(number)
      #expect(operation == script.operation(number))
      if operation != other.operation(number) { differing += 1 }
      if operation.isBuffered { kinds.insert("buffered") }
      if operation.isBackedUp { kinds.insert("backup") }
      #expect(operation.steps.count <= 255)
      switch operation.manner {
      case .batch: kinds.insert("batch")
      case .transaction: kinds.insert("transaction")
      case .flushedBatch: kinds.insert("flush")
      case .load: kinds.insert("load")
      }
      for step in operation.steps {
        switch step {
        case .set(_, let stamp):
          #expect(script.value(stamp).bytes.count == stamp.length)
          kinds.insert(
            stamp.length == 0
              ? "empty" : stamp.length < 2048 ? "short" : stamp.length < 65_536 ? "large" : "huge")
        case .remove: kinds.insert("removal")
        case .removeSlots(let slots):
          #expect(!slots.isEmpty && slots.upperBound <= CrashLane.slots)
          kinds.insert("range removal")
        }
      }
    }
    #expect(differing > 2900)
    #expect(
      kinds == [
        "buffered", "backup", "batch", "transaction", "flush", "load", "empty", "short", "large", "huge",
        "removal",
        "range removal",
      ])
    let sets = CrashScript(seed: 8, isMixed: false)
    for number in 1...200 as ClosedRange<UInt64> {
      let operation = sets.operation(number)
      #expect(
        operation.manner == .batch && !operation.isBuffered && !operation.isBackedUp
          && operation.steps.count >= 2)
    }
  }

  @Test func aFewThousandOperationsHaveEverythingHappen() throws {
    let fixture = try TortureFixture(isMixed: true)
    defer { fixture.folder.remove() }
    try fixture.write(1000, threads: 4)
    let names = try FileManager.default.contentsOfDirectory(atPath: fixture.store)
    #expect(names.contains { $0.hasSuffix(".segment") } && names.contains { $0.hasSuffix(".values") })
    // Logs, segments and value files have had many numbers.
    let greatest = names.compactMap { Int($0.prefix { $0 != "." }) }.max() ?? 0
    #expect(greatest > 100)
  }
}
