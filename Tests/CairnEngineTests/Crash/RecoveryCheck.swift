// What must hold of a store after a crash, whatever the crash.

import CairnKV
import CairnTesting
import CrashKit

@testable import CairnEngine

/// Opens what a crash has left, and says what is wrong with it.
struct RecoveryCheck {
  let path: String
  let options: EngineOptions
  let history: History
  /// At least so many commits must be there, and at most so many can be.
  var lower: Int
  var upper: Int

  /// What is wrong with the store on `disk`: it opens (I5), holds the state after a prefix of the commit
  /// order within the bounds (I1 to I4), takes new commits, keeps them through a close, and leaves no file
  /// behind that nobody needs (I10).
  func run(on disk: SimulatedFileSystem, seed: UInt64) -> CrashVerdict {
    let environment = Environment.simulated(disk, seed: seed)
    var found: Int?
    do {
      let engine = try Engine.open(at: path, options: options, environment: environment)
      let (prefix, complaint) = try prefix(of: engine)
      guard let prefix else { return CrashVerdict([complaint ?? "no prefix"], prefix: nil) }
      found = prefix
      var grown = history.prefix(prefix)
      let position = try engine.snapshot().position.rawValue
      if position > history.sequences[prefix] { grown.waste(position - history.sequences[prefix]) }
      for index in 0..<2 {
        let next = Commit(
          writes: [.set(Array("after-\(index)".utf8), [1]), .append(prefix: Array("after/".utf8), [2])])
        _ = try engine.perform(next)
        grown.append(next)
      }
      if let complaint = try grown.complaint(about: engine.snapshot(), at: grown.count) {
        return CrashVerdict(["writing after recovery: " + complaint], prefix: prefix)
      }
      try engine.close()
      let again = try Engine.open(at: path, options: options, environment: environment)
      if let complaint = try grown.complaint(about: again.snapshot(), at: grown.count) {
        return CrashVerdict(["reopening after recovery: " + complaint], prefix: prefix)
      }
      try again.close()
      return CrashVerdict(try strays(on: disk), prefix: prefix)
    } catch {
      return CrashVerdict(["\(error)"], prefix: found, refusal: error as? StorageError)
    }
  }

  /// Which prefix of the commit order an open store holds.
  func prefix(of engine: Engine) throws -> (Int?, String?) {
    let snapshot = try engine.snapshot()
    // Commits of nothing share their number with the one before them.
    let candidates = history.sequences.indices.filter {
      history.sequences[$0] == snapshot.position.rawValue
    }
    guard var prefix = candidates.last(where: { $0 <= upper }) ?? candidates.last else {
      return (nil, "the store ends at \(snapshot.position.rawValue), within a commit: I3")
    }
    // An ingest that was cut short may have used its numbers up.
    if let first = candidates.first, first > lower, history.commits[first - 1].ingest != nil,
      try history.complaint(about: snapshot, at: prefix) != nil
    {
      prefix = first - 1
    }
    guard prefix >= lower else {
      return (nil, "\(lower) commits had been acknowledged, \(prefix) are there: I1")
    }
    guard prefix <= upper else { return (nil, "\(upper) commits had been issued, \(prefix) are there: I4") }
    if let complaint = try history.complaint(about: snapshot, at: prefix) {
      return (nil, "I2 to I4: " + complaint)
    }
    return (prefix, nil)
  }

  /// Files of a closed store that its manifest does not list.
  func strays(on disk: SimulatedFileSystem) throws -> [String] {
    let directory = StoreDirectory(path: path, fileSystem: disk)
    guard let state = try Manifest.load(from: directory) else { return ["there is no manifest"] }
    let segments = Set(state.levels.joined().map(\.fileNumber))
    var spares = 0
    var complaints: [String] = []
    for entry in try directory.entries() {
      switch entry {
      case .lock, .manifest: continue
      case .spare: spares += 1
      case .log(let number) where state.logs.contains(number): continue
      case .segment(let number) where segments.contains(number): continue
      case .values(let number) where state.values.files[number] != nil: continue
      case .log, .segment, .values, .newManifest, .backup, .unknown:
        complaints.append("I10: \(entry.name) is left over")
      }
    }
    if let complaint = try LivenessCheck.complaint(about: state, in: directory) {
      complaints.append(complaint)
    }
    if spares > 2 { complaints.append("I10: there are \(spares) spares") }
    return complaints
  }
}
