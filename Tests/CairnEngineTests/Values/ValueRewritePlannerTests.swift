import CairnTesting
import Testing

@testable import CairnEngine

/// What is true of every plan, of whatever files.
@Suite struct ValueRewritePlannerTests {
  typealias Candidate = ValueRewritePlanner.Candidate

  private static func files(seed: Int) -> (planner: ValueRewritePlanner, files: [Candidate]) {
    var random = SeededGenerator(seed: UInt64(seed))
    var planner = ValueRewritePlanner()
    planner.leastLiveShare = [0.5, 0.5, 0, 0.25, 1][seed % 5]
    planner.leastIdleLiveShare = [0.6, 0.5, 0, 1, 1][seed % 5]
    planner.outputBytes = [64 << 20, 1 << 20, 1000, 100, 0][seed / 5 % 5]
    let files = (0..<Int.random(in: 0...120, using: &random)).map { number in
      let stored = UInt64.random(in: 1...1 << UInt64.random(in: 1...32, using: &random), using: &random)
      let live: UInt64 =
        switch Int.random(in: 0..<4, using: &random) {
        case 0: stored
        case 1: 0
        default: UInt64.random(in: 0...stored, using: &random)
        }
      return Candidate(fileNumber: UInt64(number + 1), storedBytes: stored, liveBytes: live)
    }
    return (planner, files)
  }

  @Test(arguments: 0..<200) func plansComeToAnEndWithinTheirBounds(seed: Int) throws {
    var (planner, files) = Self.files(seed: seed)
    var nextNumber: UInt64 = 1000
    let live = files.reduce(0) { $0 + $1.liveBytes }
    let limit = files.count
    let isIdle = seed % 2 == 0
    let share = isIdle ? max(planner.leastLiveShare, planner.leastIdleLiveShare) : planner.leastLiveShare
    func stored(_ files: [Candidate]) -> Double {
      files.filter { $0.liveBytes > 0 }.reduce(0) { $0 + Double($1.storedBytes) }
    }
    for round in 0... {
      let chosen = planner.pick(files, isIdle: isIdle)
      #expect(Set(chosen).count == chosen.count)
      let members = files.filter { chosen.contains($0.fileNumber) }
      #expect(members.count == chosen.count)
      #expect(planner.pick(files.shuffled(), isIdle: isIdle) == chosen)
      if chosen.isEmpty { break }
      try #require(round <= limit, "seed \(seed): no end")

      let output = members.reduce(0) { $0 + $1.liveBytes }
      #expect(members.allSatisfy { $0.liveBytes > 0 })
      #expect(output <= planner.outputBytes || members.count == 1)
      let isSparse = members.allSatisfy {
        Double($0.liveBytes) < share * Double($0.storedBytes)
      }
      // Not one more than is needed.
      if isSparse {
        let without = files.filter { !chosen.dropLast().contains($0.fileNumber) }
        let before = stored(without) + Double(members.reduce(0) { $0 + $1.liveBytes })
        #expect(Double(live) < share * before * 1.000001)
      }
      if !isSparse {
        // Nothing is given back, so that the number of files must pay.
        #expect(members.count == ValueRewritePlanner.mergeCount)
        #expect(members.allSatisfy { $0.liveBytes < planner.outputBytes / ValueRewritePlanner.smallShare })
        #expect(output < planner.outputBytes)
        let least = members.reduce(UInt64.max) { min($0, $1.liveBytes) }
        #expect(output >= 8 * least)
      }
      files.removeAll { chosen.contains($0.fileNumber) }
      files.append(Candidate(fileNumber: nextNumber, storedBytes: output, liveBytes: output))
      nextNumber += 1
    }
    #expect(files.reduce(0) { $0 + $1.liveBytes } == live)
    #expect(Double(live) >= share * stored(files) * 0.999999)
    let small = files.filter {
      $0.liveBytes > 0 && $0.liveBytes < planner.outputBytes / ValueRewritePlanner.smallShare
    }
    #expect(small.count <= planner.greatestSmallFileCount)
  }

  @Test func theSparsestComeFirst() {
    let planner = ValueRewritePlanner(outputBytes: 100)
    let files = [(1, 100, 40), (2, 100, 20), (3, 100, 50), (4, 100, 0), (5, 100, 45), (6, 1000, 30)].map {
      Candidate(fileNumber: UInt64($0.0), storedBytes: UInt64($0.1), liveBytes: UInt64($0.2))
    }
    #expect(planner.pick(files) == [6, 2])
    #expect(planner.pick(files, isIdle: true) == [6, 2, 1])
    #expect(planner.pick([Candidate(fileNumber: 1, storedBytes: 1000, liveBytes: 400)]) == [1])
    #expect(planner.pick([Candidate(fileNumber: 1, storedBytes: 0, liveBytes: 0)]).isEmpty)
    let huge = Candidate(fileNumber: 1, storedBytes: .max, liveBytes: .max / 4)
    let other = Candidate(fileNumber: 2, storedBytes: .max, liveBytes: .max / 4)
    #expect(planner.pick([huge, other]) == [1])
  }

  /// Values that are superseded at random, in files of a hundred: what reclaiming copies is a small part of what
  /// is written.
  @Test func reclaimingWaitsForWhatDiesAnyway() {
    let planner = ValueRewritePlanner()
    var random = SeededGenerator(seed: 1)
    let size: UInt64 = 200_000
    var place = [Int: UInt64]()
    var files: [UInt64: Candidate] = [:]
    var copied = 0.0
    for number in 1...2000 as ClosedRange<UInt64> {
      files[number] = Candidate(fileNumber: number, storedBytes: 100 * size, liveBytes: 0)
      for _ in 0..<100 {
        let run = random.below(2000)
        if let former = place.updateValue(number, forKey: run) { files[former]?.liveBytes -= size }
        files[number]?.liveBytes += size
      }
      files = files.filter { $0.value.liveBytes > 0 }
      while true {
        let chosen = planner.pick(Array(files.values))
        if chosen.isEmpty { break }
        let output = chosen.reduce(0) { $0 + (files[$1]?.liveBytes ?? 0) }
        copied += Double(output)
        let new = number * 1_000_000 + UInt64(copied / Double(size))
        for (run, file) in place where chosen.contains(file) { place[run] = new }
        for file in chosen { files[file] = nil }
        files[new] = Candidate(fileNumber: new, storedBytes: output, liveBytes: output)
      }
    }
    let written = Double(2000 * 100 * size)
    #expect(copied < 0.4 * written, "\(copied / written) of what was written was copied")
  }

  /// A small file a flush, ten thousand times: few files, and each byte is copied a few times.
  @Test func manySmallFilesAreCopiedFewTimes() {
    let planner = ValueRewritePlanner()
    var files: [Candidate] = []
    var copied: UInt64 = 0
    var written: UInt64 = 0
    for number in 1...10_000 as ClosedRange<UInt64> {
      let bytes = 3000 + number % 20_000
      files.append(Candidate(fileNumber: number, storedBytes: bytes, liveBytes: bytes))
      written += bytes
      while true {
        let chosen = Set(planner.pick(files))
        if chosen.isEmpty { break }
        let output = files.filter { chosen.contains($0.fileNumber) }.reduce(0) { $0 + $1.liveBytes }
        files.removeAll { chosen.contains($0.fileNumber) }
        copied += output
        files.append(Candidate(fileNumber: 100_000 + copied, storedBytes: output, liveBytes: output))
      }
    }
    #expect(UInt64(files.count) <= 56 + written / planner.outputBytes * 16)
    #expect(copied <= 5 * written)
  }
}
