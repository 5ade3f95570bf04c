import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Every kind of damage to every file of a small store: it is found and named, or it means nothing; and what
/// is left can be copied out.
///
/// With `CAIRN_EXHAUSTIVE=1` every byte, every sector and every length; without, a sample that a seed chooses.
@Suite struct DamageSweepTests {
  private static let isExhaustive = getenv("CAIRN_EXHAUSTIVE") != nil
  private static let names = [
    "MANIFEST", "00000001.values", "00000002.segment", "00000003.segment", "00000004.segment",
    "00000005.segment", "00000008.log", "00000009.log",
  ]

  /// All of `range`, or about `count` of it.
  private static func sample(_ range: Range<Int>, _ count: Int, seed: UInt64) -> [Int] {
    if isExhaustive || range.count <= count { return Array(range) }
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in range.lowerBound + random.below(range.count) }
  }

  /// The offsets of a frame file that mean anything.
  /// - Parameter isEnded: whether somebody says where it ends: else nobody misses the last frame, a seal.
  private static func meaningful(_ bytes: [UInt8], isEnded: Bool) -> Set<Int> {
    let salt = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 24, as: UInt64.self) }
    var frames = [0..<FrameFile.pageBytes]
    for offset in stride(from: FrameFile.pageBytes, to: bytes.count - FrameHeader.bytes + 1, by: 64) {
      let header = bytes[offset...].withUnsafeBytes { FrameHeader(decoding: $0, salt: salt) }
      if let header { frames.append(offset..<offset + FrameHeader.bytes + Int(header.payloadBytes)) }
    }
    return Set((isEnded ? frames : Array(frames.dropLast())).joined())
  }

  @Test(arguments: names) func flippedBits(name: String) throws {
    let files = try HandmadeStore().allFiles()
    let bytes = try #require(files[name])
    let isFrameFile = name == "MANIFEST" || name.hasSuffix(".log")
    let meaningful =
      isFrameFile ? Self.meaningful(bytes, isEnded: name == "00000008.log") : Set(bytes.indices)
    var offsets = Self.sample(bytes.indices, 60, seed: 1)
    if !Self.isExhaustive && isFrameFile {
      // Most of a frame file is padding: of what means something half as much again.
      let sorted = meaningful.sorted()
      offsets += Self.sample(sorted.indices, 60, seed: 2).map { sorted[$0] }
    }
    var count = 0
    for offset in offsets {
      for bit in bits(of: offset, in: bytes, isHeader: isFrameFile && meaningful.contains(offset)) {
        var damaged = files
        damaged[name]?[offset] ^= 1 << UInt8(bit)
        let store = try DamagedStore(damaged, "\(name), bit \(bit) of byte \(offset)")
        let isSound = try store.expectFoundOrHarmless(naming: name)
        #expect(isSound == !meaningful.contains(offset), "\(store.what)")
        if offset % (Self.isExhaustive ? 7 : 2) == 0 { try store.expectRepairable() }
        count += 1
      }
    }
    report("\(offsets.count) of \(bytes.count) bytes of \(name) flipped, \(count) bits")
  }

  /// One bit of each byte, and all eight of those in headers, frames and footers.
  private func bits(of offset: Int, in bytes: [UInt8], isHeader: Bool) -> Range<Int> {
    let isEdge = offset < 128 || offset >= bytes.count - 512
    if Self.isExhaustive && (isHeader || isEdge) { return 0..<8 }
    return offset % 8..<offset % 8 + 1
  }

  private func report(_ text: String) {
    if Self.isExhaustive { print("damage: \(text)") }
  }

  /// Sectors of zeros, of noise, of the next one's content (the two exchanged), and of another file's: what disks do that
  /// fail, or write in the wrong place.
  @Test(arguments: names) func sectors(name: String) throws {
    let files = try HandmadeStore().allFiles()
    let bytes = try #require(files[name])
    let other = try #require(files[name == "MANIFEST" ? "00000008.log" : "MANIFEST"])
    let sectors = Self.sample(0..<(bytes.count + 511) / 512, 12, seed: 4)
    var random = SeededGenerator(seed: 5)
    var count = 0
    for sector in sectors {
      let range = sector * 512..<min(sector * 512 + 512, bytes.count)
      let noise = range.map { _ in UInt8(random.below(256)) }
      var variants = [[UInt8](repeating: 0, count: range.count), noise].map {
        bytes.replacing(range, with: $0)
      }
      let next = range.upperBound..<min(range.upperBound + 512, bytes.count)
      if next.count == range.count {
        variants.append(
          bytes.replacing(range, with: Array(bytes[next])).replacing(next, with: Array(bytes[range])))
      }
      if range.upperBound <= other.count {
        variants.append(bytes.replacing(range, with: Array(other[range])))
      }
      for (index, variant) in variants.enumerated() where variant != bytes {
        var damaged = files
        damaged[name] = variant
        let store = try DamagedStore(
          damaged, "\(name), sector \(sector), \(["zeros", "noise", "exchanged", "of another file"][index])",
          accepted: name == "00000009.log" ? DamagedStore.prefixes : [HandmadeStore.model])
        try store.expectFoundOrHarmless(naming: name)
        if sector % 3 == 0 { try store.expectRepairable() }
        count += 1
      }
    }
    report("\(sectors.count) sectors of \(name) in \(count) ways")
  }

  @Test(arguments: names) func truncation(name: String) throws {
    let files = try HandmadeStore().allFiles()
    let bytes = try #require(files[name])
    for length in Self.sample(0..<bytes.count, 40, seed: 3) {
      var damaged = files
      damaged[name] = Array(bytes[..<length])
      let store = try DamagedStore(
        damaged, "\(name), cut off at \(length)",
        accepted: name == "00000009.log" ? DamagedStore.prefixes : [HandmadeStore.model])
      try store.expectFoundOrHarmless(naming: name)
      if length % 3 == 0 { try store.expectRepairable() }
    }
    report("\(Self.sample(0..<bytes.count, 40, seed: 3).count) of \(bytes.count) lengths of \(name)")
  }

  @Test(arguments: names, [false, true]) func missingAndEmptied(name: String, isEmptied: Bool) throws {
    var files = try HandmadeStore().allFiles()
    files[name] = isEmptied ? [] : nil
    let store = try DamagedStore(files, "\(name) is \(isEmptied ? "empty" : "missing")")
    #expect(try store.expectFoundOrHarmless(naming: name) == false)
    try store.expectRepairable()
    try DamagedStore(files, store.what).expectRepairable(keepingDoubtful: true)
  }

  @Test(arguments: names) func exchangedWithEveryOther(name: String) throws {
    let files = try HandmadeStore().allFiles()
    for other in Self.names where other > name {
      var exchanged = files
      exchanged[name] = files[other]
      exchanged[other] = files[name]
      let store = try DamagedStore(exchanged, "\(name) and \(other) exchanged")
      #expect(try store.expectFoundOrHarmless(naming: nil) == false)
      try store.expectRepairable()
    }
  }

  /// A copy of a file under a number of its own is a stray: it means nothing, also not where the manifest is
  /// lost.
  @Test(arguments: names) func duplicated(name: String) throws {
    let parts = name.split(separator: ".")
    guard parts.count == 2 else { return }
    for hasManifest in [true, false] {
      var files = try HandmadeStore().allFiles()
      files["00000007.\(parts[1])"] = files[name]
      if !hasManifest { files["MANIFEST"] = nil }
      let store = try DamagedStore(files, "\(name) twice, manifest: \(hasManifest)")
      #expect(try store.expectFoundOrHarmless(naming: nil) == hasManifest)
      try store.expectRepairable()
    }
  }

  /// Files that are noise, but for their names.
  @Test(arguments: 1...8 as ClosedRange<UInt64>) func noise(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var files = try HandmadeStore().allFiles()
    for name in Self.names where random.below(2) == 0 {
      files[name] = (0..<random.below(9000)).map { _ in UInt8(random.below(256)) }
    }
    let store = try DamagedStore(files, "noise, seed \(seed)")
    try store.expectFoundOrHarmless(naming: nil)
    try store.expectRepairable()
    try DamagedStore(files, store.what).expectRepairable(keepingDoubtful: true)
  }
}

extension [UInt8] {
  fileprivate func replacing(_ range: Range<Int>, with bytes: [UInt8]) -> [UInt8] {
    var copy = self
    copy.replaceSubrange(range, with: bytes)
    return copy
  }
}
