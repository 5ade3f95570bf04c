// What format-spec.md says is what the engine does: a program that was written from that page alone reads
// every store as the engine does.

import CairnKV
import CairnTesting
import Foundation
import Testing

@testable import CairnEngine

@Suite(.enabled(if: SecondReader.isHere, "\(SecondReader.absence)"))
struct SecondReaderTests {
  @Test func theExamplesOfThePageDecode() throws {
    let page = SecondReader.tests.deletingLastPathComponent().appending(path: "format-spec.md")
    let (status, output) = try SecondReader.run(["--examples", page.path(percentEncoded: false)])
    #expect(status == 0, "\(output)")
  }

  @Test func fixturesAreReadAsTheEngineReadsThem() throws {
    let answers = try SecondReader.read(FixtureStore.all.map(\.store))
    for (fixture, answer) in zip(FixtureStore.all, answers) {
      #expect(try answer.difference(from: fixture.expected()) == nil, "\(fixture.name)")
    }
  }

  /// Without this a fixture could lose what it is for when it is made anew.
  @Test func fixturesHaveAllThatTheFormatHas() throws {
    var kinds: Set<Int> = []
    var levels: Set<Int> = []
    var found: Set<String> = []
    for (fixture, answer) in zip(FixtureStore.all, try SecondReader.read(FixtureStore.all.map(\.store), [])) {
      let files = try answer.lines.map { try JSONDecoder().decode(FileLine.self, from: Data($0.utf8)) }
      for file in files {
        kinds.formUnion(file.kinds ?? [])
        if let level = file.level { levels.insert(level) }
        for (what, isThere) in file.traits where isThere { found.insert(what) }
      }
      if files.count(where: { $0.operations != nil }) > 1 { found.insert("several logs") }
      if fixture.fixture == .torn, files.contains(where: { ($0.remains ?? 0) > 0 }) {
        found.insert("torn tail")
      }
    }
    #expect(kinds == [1, 2, 3, 4, 5])
    #expect(levels.isSuperset(of: [0, 1]))
    #expect(found == Set(FileLine().traits.map(\.what) + ["several logs", "torn tail"]))
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>) func randomStoresAreReadAsTheEngineReadsThem(
    seed: UInt64
  ) throws {
    var options = Fixture.options()
    options.prefixRule = [.none, .fixedLength(1), .fixedLength(4), .tupleElements(1)][Int(seed % 4)]
    options.leastManifestRolloverBytes = 16 << 10
    options.compressionDictionaryBytes = seed % 2 == 0 ? 2048 : 4096
    let workload = Workload.random(seed: seed, commits: 250, reopening: 3, ingesting: 4)
    var images: [StoreImage] = []
    let disk = SimulatedFileSystem()
    var run = WorkloadRun(path: StoreImage.path, options: options, history: History(workload.commits))
    var steps = 0
    run.run(workload, in: .simulated(disk, seed: seed), closing: true) {
      steps += 1
      // As a killed process leaves it, too.
      if steps % 60 == 0, let image = try? StoreImage(of: disk) { images.append(image) }
    }
    #expect(run.failure == nil, "seed \(seed)")
    images.append(try StoreImage(of: disk))
    try expectAgreement(on: images, options, "seed \(seed)")
  }

  /// Whatever a power cut leaves, both take the same commits, or both refuse the store.
  @Test(arguments: 1...3 as ClosedRange<UInt64>) func crashesAreJudgedAsTheEngineJudgesThem(seed: UInt64)
    throws
  {
    let options = Fixture.options()
    let workload = Workload.random(
      seed: seed, commits: 60, buffered: 6, reopening: 5, ingesting: 5, largeValues: false)
    let whole = SimulatedFileSystem()
    var rehearsal = WorkloadRun(path: StoreImage.path, options: options, history: History(workload.commits))
    rehearsal.run(workload, in: .simulated(whole, seed: seed))
    var random = SeededGenerator(seed: seed)
    var images: [StoreImage] = []
    for _ in 0..<12 {
      let cut = Int.random(in: 1...whole.operationCount, using: &random)
      let disk = SimulatedFileSystem(faultPlan: .powerCut(atOperation: cut, seed: seed))
      var run = WorkloadRun(path: StoreImage.path, options: options, history: History(workload.commits))
      run.run(workload, in: .simulated(disk, seed: seed))
      for model in [CrashModel.strict, .ordered] {
        images.append(try StoreImage(of: disk.crash(model, seed: UInt64(cut))))
      }
    }
    try expectAgreement(on: images, options, "seed \(seed)")
  }

  /// A byte that is another is noticed, or means nothing, or is one of the last groups', for which nobody
  /// vouches. With its checksum put right any content may come of it, but no harm to the reader.
  @Test(arguments: [false, true]) func changedBytesAreNoticed(forged: Bool) throws {
    let folders = FixtureStore.all.map { $0.store.path(percentEncoded: false) }
    let (status, output) = try SecondReader.run(
      ["--flips", "24", "--seed", "1"] + (forged ? ["--forged"] : []) + folders)
    #expect(status == 0, "\(output)")
    let lines = output.split(separator: "\n")
    #expect(lines.count == folders.count * 25, "\(output)")
    let refused = lines.count { $0.contains("\"outcome\":\"damaged\"") }
    #expect(forged || refused > lines.count / 4, "only \(refused) of \(lines.count) were refused")
  }

  /// What the engine refuses the second reader refuses. What only the second reader refuses, since it reads
  /// every byte, the engine does not need to show what was there.
  @Test(arguments: FixtureStore.all) func damageIsJudgedAsTheEngineJudgesIt(fixture: FixtureStore) throws {
    let whole = try StoreImage(at: fixture.store)
    let expected = try fixture.expected()
    var random = SeededGenerator(seed: 1)
    var changes: [(name: String, offset: Int)] = []
    var images: [StoreImage] = []
    for _ in 0..<16 {
      guard let name = whole.files.keys.sorted().randomElement(using: &random), let bytes = whole.files[name],
        let offset = bytes.indices.filter({ bytes[$0] != 0 }).randomElement(using: &random)
      else { continue }
      var image = whole
      image.files[name]?[offset] ^= UInt8(1 << Int.random(in: 0..<8, using: &random))
      images.append(image)
      changes.append((name, offset))
    }
    for (index, answer) in try answers(on: images).enumerated() {
      let comment: Comment = "\(fixture.name): \(changes[index]): \(answer.lines.last ?? "")"
      do {
        let lines = try StateDump.lines(of: images[index])
        #expect(lines == (answer.isRefused ? expected : answer.lines), comment)
      } catch is StorageError {
        #expect(answer.isRefused, comment)
      }
    }
  }

  private func answers(on images: [StoreImage]) throws -> [SecondReader.Answer] {
    let scratch = try ScratchFolder()
    defer { withExtendedLifetime(scratch) {} }
    let folders = try images.enumerated().map { index, image in
      let folder = scratch.url.appending(path: "\(index)")
      try image.write(to: folder)
      return folder
    }
    return try SecondReader.read(folders)
  }

  private func expectAgreement(
    on images: [StoreImage], _ options: EngineOptions, _ comment: Comment
  ) throws {
    for (image, answer) in zip(images, try answers(on: images)) {
      do {
        let lines = try StateDump.lines(of: image, options: options)
        #expect(answer.difference(from: lines) == nil, comment)
      } catch let error as StorageError {
        #expect(error.code == .corruption && answer.isRefused, "\(comment): \(error), and \(answer)")
      }
    }
  }
}

/// What the second reader says of one file.
private struct FileLine: Decodable {
  var version: Int?
  var ended: Bool?
  var generation: Int?
  var frames: Int?
  var kinds: [Int]?
  var operations: Int?
  var level: Int?
  var removals: Int?
  var base: Int?
  var dictionary: Int?
  var compressed: Int?
  var origins: [Int]?
  var chunks: Int?
  var dead: Int?
  var unvouched: Int?
  var shared: Int?
  var remains: Int?
  var unbounded: Int?
  var file: String?
  var stray: Bool?

  var traits: [(what: String, isThere: Bool)] {
    [
      ("a rolled over manifest", file == "MANIFEST" && (generation ?? 0) > 1),
      ("a manifest with edits and a seal", file == "MANIFEST" && (frames ?? 0) > 2 && kinds == [2, 3]),
      ("range removals", (removals ?? 0) > 0),
      ("a range removal without end", (unbounded ?? 0) > 0),
      ("a sequence base", (base ?? 0) > 0),
      ("a dictionary", (dictionary ?? 0) > 0),
      ("compressed blocks", (compressed ?? 0) > 0),
      ("a value of several chunks", (chunks ?? 0) > 1),
      ("dead values", (dead ?? 0) > 0),
      ("copied values", origins.map { !$0.contains(number) } ?? false),
      ("frames that nobody vouches for", (unvouched ?? 0) > 0),
      ("frames that share a page", (shared ?? 0) > 0),
      ("a log whose end the manifest says", ended ?? false),
      ("format version 1", version == 1),
      ("format version 2", version == 2),
    ]
  }

  private var number: Int { file.flatMap { Int($0.prefix(8)) } ?? 0 }
}
