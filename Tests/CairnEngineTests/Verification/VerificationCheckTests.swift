import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Each named check is made on a store that is whole, and fails on one in which its invariant alone was
/// broken.
@Suite struct VerificationCheckTests {
  /// Checks that are not made where there is nothing to make them on.
  private static let notInTheSmallStore: Set<VerificationCheck> = [.segmentDictionary, .strayLog]

  @Test func aWholeStoreIsSoundAndEverythingIsLookedAt() throws {
    let store = try HandmadeStore()
    let report = try store.verify()
    #expect(report.violations == [])
    #expect(report.isSound && report.isComplete)
    let missing = Set(VerificationCheck.allCases).subtracting(report.examined.keys)
    #expect(missing == Self.notInTheSmallStore)
    let bytes = try store.allFiles().values.reduce(0) { $0 + $1.count }
    #expect(report.bytesRead > UInt64(bytes) / 4)
    #expect(try HandmadeStore.contents(store.disk()) == HandmadeStore.model)
  }

  @Test func eachDepthLooksAtMore() throws {
    let reports = try VerificationDepth.allCases.map { try HandmadeStore().verify($0) }
    for (less, more) in zip(reports, reports.dropFirst()) {
      #expect(Set(less.examined.keys).isStrictSubset(of: more.examined.keys))
      #expect(less.bytesRead < more.bytesRead)
    }
  }

  /// A verification only reads; it takes no lock either.
  @Test(arguments: VerificationDepth.allCases) func nothingIsWritten(depth: VerificationDepth) throws {
    let disk = try HandmadeStore().disk()
    let count = disk.operationCount
    _ = try HandmadeStore.verify(disk, depth)
    let reading: Set<Substring> = ["open", "read", "size", "information", "list", "close"]
    for operation in disk.trace.map({ $0.split(separator: " ") }) {
      let number = try #require(operation.first.flatMap { Int($0) })
      if number > count { #expect(reading.contains(operation[1]), "\(operation)") }
    }
  }

  @Test func reportsAreBounded() throws {
    var store = try HandmadeStore()
    for number in 2...5 as ClosedRange<UInt64> { store.list(number) { $0.rawKeyBytes += 1 } }
    let report = try Engine.verify(
      at: HandmadeStore.path, violationLimit: 2, environment: .simulated(store.disk(), seed: 1))
    #expect(report.violations.count == 2)
    #expect(report.violationCount >= 8)
  }

  // MARK: One after the other

  /// Expects a check to fail and, where it says so, none but these.
  private func expect(
    _ store: HandmadeStore, fails check: VerificationCheck, in file: String,
    alsoFails others: Set<VerificationCheck> = [],
    _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let report = try store.verify()
    let failed = Set(report.violations.map(\.check))
    #expect(failed.contains(check), "\(report.violations)", sourceLocation: sourceLocation)
    #expect(failed.subtracting(others) == [check], "\(report.violations)", sourceLocation: sourceLocation)
    #expect(
      report.violations.contains { $0.check == check && $0.file.hasSuffix(file) }, "\(report.violations)",
      sourceLocation: sourceLocation)
  }

  /// A store one of whose files was changed after it was written.
  private func changing(_ name: String, _ change: (inout [UInt8]) throws -> Void) throws -> HandmadeStore {
    var store = try HandmadeStore()
    var bytes = try #require(try store.allFiles()[name])
    try change(&bytes)
    store.set(name, bytes)
    return store
  }

  private func without(_ name: String) throws -> SimulatedFileSystem {
    var files = try HandmadeStore().allFiles()
    files[name] = nil
    return try HandmadeStore.disk(files)
  }

  @Test func missingFiles() throws {
    let manifest = try HandmadeStore.verify(without("MANIFEST"))
    #expect(manifest.violations.map(\.check) == [.manifestPresent])
    for name in ["00000001.values", "00000003.segment", "00000008.log"] {
      let report = try HandmadeStore.verify(without(name))
      #expect(report.violations.map(\.check) == [.listedFilePresent], "\(name)")
      #expect(report.violations.first?.file.hasSuffix(name) == true)
    }
  }

  @Test func lengths() throws {
    try expect(
      changing("00000003.segment") { $0.append(0) }, fails: .listedFileLength, in: "00000003.segment")
    try expect(
      changing("00000001.values") { $0.removeLast() }, fails: .listedFileLength, in: "00000001.values")
  }

  @Test func manifests() throws {
    try expect(changing("MANIFEST") { $0[100] ^= 1 }, fails: .frameFileHeader, in: "MANIFEST")
    try expect(
      changing("MANIFEST") { $0[4096 + 70] ^= 1 }, fails: .frames, in: "MANIFEST",
      alsoFails: [.manifestSnapshot])
    let store = try HandmadeStore()
    func manifest(_ payloads: [[UInt8]]) throws -> HandmadeStore {
      var other = store
      other.set("MANIFEST", try HandmadeStore.manifest(payloads, sealing: true))
      return other
    }
    let whole = store.edit.encoded()
    try expect(manifest([whole, [99]]), fails: .manifestEdit, in: "MANIFEST")
    var unknown = VersionEdit()
    unknown.removedSegments = [77]
    try expect(manifest([whole, unknown.encoded()]), fails: .manifestState, in: "MANIFEST")
    try expect(manifest([unknown.encoded()]), fails: .manifestSnapshot, in: "MANIFEST")
    var numbers = store
    numbers.edit.nextFileNumber = 9
    try expect(numbers, fails: .numberBounds, in: "MANIFEST")
  }

  @Test func logs() throws {
    var exchanged = try HandmadeStore()
    let other = try HandmadeStore.log(18, predecessor: nil, firstSequence: 32, [])
    exchanged.edit.addedLogs = [8]
    exchanged.set("00000008.log", other.bytes)
    // The other log, which is not listed now, holds commits.
    try expect(exchanged, fails: .logNumber, in: "00000008.log", alsoFails: [.strayLog])

    var unfollowed = try HandmadeStore()
    unfollowed.edit.addedLogs = [7, 9]
    unfollowed.set("00000007.log", try HandmadeStore.log(7, predecessor: nil, firstSequence: 32, []).bytes)
    try expect(unfollowed, fails: .logSuccession, in: "00000009.log")

    try expect(changing("00000008.log") { $0[4096 + 70] ^= 1 }, fails: .frames, in: "00000008.log")

    func newest(_ first: UInt64, _ payload: (inout WriteBatch) throws -> Void) throws -> HandmadeStore {
      var store = try HandmadeStore()
      var batch = WriteBatch(byteLimit: 1000)
      try payload(&batch)
      store.edit.addedLogs = [9]
      store.set(
        "00000009.log",
        try HandmadeStore.log(9, predecessor: nil, firstSequence: first, [batch, batch]).bytes)
      return store
    }
    // The second frame says the first one's number again; and: all ends before the manifest's last sequence.
    var repeated = try newest(34) { try $0.remove([1]) }
    let log = try #require(try repeated.allFiles()["00000009.log"])
    repeated.set("00000009.log", try resigning(log, frame: 2, at: 32, UInt64(40)))
    try expect(repeated, fails: .logSequence, in: "00000009.log")
    try expect(newest(20) { try $0.remove([1]) }, fails: .logReachesManifest, in: "00000009.log")
    var batches = try newest(34) { try $0.remove([1]) }
    let bytes = try #require(try batches.allFiles()["00000009.log"])
    batches.set("00000009.log", try resigning(bytes, frame: 2, at: 64, UInt32(2)))
    try expect(batches, fails: .logBatches, in: "00000009.log")

    var stray = try HandmadeStore()
    var batch = WriteBatch(byteLimit: 1000)
    try batch.remove([1])
    stray.set("00000010.log", try HandmadeStore.log(10, predecessor: nil, firstSequence: 36, [batch]).bytes)
    try expect(stray, fails: .strayLog, in: "00000010.log")
  }

  /// Changes a number in a frame on the page with this number, and signs payload and header anew.
  private func resigning<Number: FixedWidthInteger>(
    _ log: [UInt8], frame page: Int, at offset: Int, _ number: Number
  ) throws -> [UInt8] {
    var log = log
    let start = page * 4096
    log.overwrite(at: start + offset, littleEndian: number)
    let length = log.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: start + 24, as: UInt64.self)) }
    let payload = Array(log[start + 64..<start + 64 + length])
    log.overwrite(at: start + 52, littleEndian: payload.withUnsafeBytes { CRC32C.checksum($0) })
    let header = Array(log[start..<start + 64])
    log.overwrite(at: start + 4, littleEndian: header.withUnsafeBytes { FrameHeader.checksum(of: $0) })
    return log
  }
}
