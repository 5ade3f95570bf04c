import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// A store to which something was done, and everything that must hold of it whatever that was.
struct DamagedStore {
  let disk: SimulatedFileSystem
  /// What was done, for the message of a test that fails.
  let what: String

  /// What it may hold.
  let accepted: [[String: [UInt8]]]

  init(
    _ files: [String: [UInt8]], _ what: String, accepted: [[String: [UInt8]]] = [HandmadeStore.model]
  ) throws {
    disk = try HandmadeStore.disk(files)
    self.what = what
    self.accepted = accepted
  }

  /// What it held before each of the last two commits, and after. The end of the newest log cannot be told
  /// from one that was never written when all that stood behind it is gone, too.
  static var prefixes: [[String: [UInt8]]] {
    var before = HandmadeStore.model
    before["n"] = Array("n3".utf8)
    var earlier = before
    earlier["a"] = Array("a4".utf8)
    return [earlier, before, HandmadeStore.model]
  }

  /// What a reader learns of it: everything, or an error.
  func read() -> Result<[String: [UInt8]], StorageError> {
    do {
      // Opening writes, and what is verified and repaired afterwards must be as it was.
      return .success(try HandmadeStore.contents(disk.crash(.kill, seed: 0)))
    } catch let error as StorageError {
      return .failure(error)
    } catch {
      return .failure(StorageError(.internalInconsistency, "\(error)"))
    }
  }

  /// Damage is found by verification, and named; what is not found has no effect.
  /// - Parameter file: the name of one of the files that may be named; `nil` for any.
  /// - Returns: whether the store was found sound.
  @discardableResult
  func expectFoundOrHarmless(naming file: String?) throws -> Bool {
    let report = try HandmadeStore.verify(disk)
    switch read() {
    case .success(let contents):
      // A part that nobody has to read yet may be damaged: then what could be read is right.
      #expect(accepted.contains(contents), "\(what): reads wrongly")
    case .failure(let error):
      #expect(!report.isSound, "\(what): \(error), but verification finds nothing")
      #expect([.corruption, .unsupportedFormat].contains(error.code), "\(what): \(error)")
      #expect(error.file != nil, "\(what): \(error)")
    }
    if let file, !report.isSound {
      #expect(report.violations.contains { $0.file.hasSuffix(file) }, "\(what): \(report.violations)")
    }
    return report.isSound
  }

  /// A repaired store opens, is sound, holds nothing wrong, and what it lacks is named.
  func expectRepairable(keepingDoubtful: Bool = false) throws {
    var options = RepairOptions()
    options.keepsDoubtful = keepingDoubtful
    options.engine = HandmadeStore.options
    let report: RepairReport
    do throws(StorageError) {
      report = try Engine.repair(
        from: HandmadeStore.path, to: "/new", options: options, environment: .simulated(disk, seed: 5))
    } catch {
      Issue.record("\(what): \(error)")
      return
    }
    let verified = try Engine.verify(at: "/new", environment: .simulated(disk, seed: 6))
    #expect(verified.isSound, "\(what): \(verified.violations)")
    let contents = try HandmadeStore.contents(disk, at: "/new")
    #expect(contents.count == Int(report.keyCount), "\(what)")
    let complaints = accepted.map {
      complaint(about: contents, report, comparedWith: $0, keepingDoubtful: keepingDoubtful)
    }
    #expect(complaints.contains(nil), "\(what): \(complaints)")
  }

  private func complaint(
    about contents: [String: [UInt8]], _ report: RepairReport, comparedWith model: [String: [UInt8]],
    keepingDoubtful: Bool
  ) -> String? {
    for (key, value) in contents where model[key] != value {
      let isDoubtful = report.doubtfulRanges.contains { $0.contains(Array(key.utf8)) }
      if !keepingDoubtful || !isDoubtful { return "\(key) is wrong, or is back" }
    }
    for key in model.keys where contents[key] == nil {
      let isNamed = report.losses.contains { $0.range.contains(Array(key.utf8)) }
      if !isNamed { return "\(key) is missing, and \(report.losses) does not say so" }
    }
    return report.isWhole && contents != model ? "something is missing, and nothing says so" : nil
  }
}
