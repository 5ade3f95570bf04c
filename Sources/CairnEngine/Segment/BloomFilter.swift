import CairnShims

/// A blocked Bloom filter: says of a hash that it was never added, or that it may have been.
///
/// Each hash sets bits within one *line* of 64 bytes, so that a question costs one cache miss. With 10 bits a
/// hash and 6 of them set, one question in about a hundred is answered wrongly with "maybe".
///
/// Invariant: `lines` points to `lineCount` times 64 bytes, at least one of them, aligned to 64, which live as
/// long as what the filter belongs to and which nobody writes to. `probes` is 1 to 7.
struct BloomFilter: @unchecked Sendable {
  static let lineBytes = 64
  static let bitsPerHash = 10
  /// How many bits a writer sets for a hash. A reader takes any number from 1 to 7.
  static let probes = 6
  static let greatestProbes = 7
  /// With more hashes than fit so many lines, 1 GiB, "maybe" just becomes more frequent.
  static let greatestLineCount = 1 << 24

  private let lines: UnsafeRawPointer
  private let lineCount: UInt64
  private let probes: Int

  init(lines: UnsafeRawPointer, lineCount: Int, probes: Int) {
    self.lines = lines
    self.lineCount = UInt64(lineCount)
    self.probes = probes
  }

  @inline(__always)
  func mayContain(_ hash: UInt64) -> Bool {
    let line = lines + Self.line(of: hash, lineCount) &* Self.lineBytes
    var bits = Self.bits(of: hash)
    var missing: UInt64 = 0
    // Without a branch for each bit: what costs is the line's arrival.
    for _ in 0..<probes {
      let word = line.load(fromByteOffset: Int(truncatingIfNeeded: bits &>> 61) &* 8, as: UInt64.self)
      missing |= ~(UInt64(littleEndian: word) &>> (bits &>> 55))
      bits &<<= 9
    }
    return missing & 1 == 0
  }

  /// Has the processor fetch the line of a hash.
  @inline(__always)
  func prefetch(_ hash: UInt64) { cairn_prefetch(lines + Self.line(of: hash, lineCount) &* Self.lineBytes) }

  /// The lines for all `hashes`, appended to `bytes`.
  static func appendLines(of hashes: [UInt64], to bytes: inout [UInt8]) {
    let start = bytes.count
    let count = lineCount(hashes.count)
    bytes.append(contentsOf: repeatElement(0, count: count * lineBytes))
    bytes.withUnsafeMutableBytes { bytes in
      for hash in hashes {
        let line = start + line(of: hash, UInt64(count)) * lineBytes
        var bits = bits(of: hash)
        for _ in 0..<probes {
          bytes[line + Int(bits >> 58)] |= 1 << UInt8(bits >> 55 & 7)
          bits <<= 9
        }
      }
    }
  }

  /// How many lines a filter of so many hashes has; 0 only for none.
  static func lineCount(_ hashes: Int) -> Int {
    min((hashes * bitsPerHash + 8 * lineBytes - 1) / (8 * lineBytes), greatestLineCount)
  }

  /// The high half of the product: the hash's high bits decide.
  @inline(__always)
  private static func line(of hash: UInt64, _ count: UInt64) -> Int {
    Int(truncatingIfNeeded: hash.multipliedFullWidth(by: count).high)
  }

  /// The numbers of the bits within the line, nine bits each, the first the most significant. Multiplied, so
  /// that the low bits, which did not choose the line, decide.
  @inline(__always)
  private static func bits(of hash: UInt64) -> UInt64 { hash &* 0x9E37_79B9_7F4A_7C15 }
}
