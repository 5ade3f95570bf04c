/// The filters of a segment: of whole keys, and of the prefixes that a rule finds in them.
///
///     u8 algorithm: 1 │ u8 probes │ u8 rule: 0 none, 1 fixed length, 2 tuple elements │ u8 zero
///     u32 the rule's number │ u32 lines of keys │ u32 lines of prefixes │ lines of keys │ lines of prefixes
///
/// Invariant: owns `memory`, which `keys` and `prefixes` point into, which nobody writes to after `init`, and
/// which is freed with the last reference.
final class SegmentFilters: Sendable {
  static let headerBytes = 16

  /// The rule that the filter of prefixes was built with.
  let rule: PrefixRule
  private let keys: BloomFilter
  /// `nil` when no key has a prefix.
  private let prefixes: BloomFilter?
  nonisolated(unsafe) private let memory: UnsafeMutableRawBufferPointer

  /// What the filters take in memory.
  var memoryBytes: Int { memory.count + 128 }

  /// Copies and checks a payload; `nil` when it is not one of filters.
  init?(_ payload: UnsafeRawBufferPointer) {
    var reader = ByteReader(payload)
    guard let algorithm = reader.readInteger(UInt8.self), algorithm == FilterBuilder.algorithm,
      let probes = reader.readInteger(UInt8.self), (1...BloomFilter.greatestProbes).contains(Int(probes)),
      let ruleCode = reader.readInteger(UInt8.self), reader.readInteger(UInt8.self) == 0,
      let ruleNumber = reader.readInteger(UInt32.self),
      let rule = PrefixRule(code: ruleCode, number: ruleNumber),
      let keyLines = reader.readInteger(UInt32.self), let prefixLines = reader.readInteger(UInt32.self),
      keyLines > 0, rule != .none || prefixLines == 0,
      keyLines <= BloomFilter.greatestLineCount, prefixLines <= BloomFilter.greatestLineCount,
      reader.remaining == (Int(keyLines) + Int(prefixLines)) * BloomFilter.lineBytes
    else { return nil }
    memory = .allocate(byteCount: reader.remaining, alignment: BloomFilter.lineBytes)
    memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: payload[reader.position...]))
    guard let base = UnsafeRawPointer(memory.baseAddress) else { return nil }
    keys = BloomFilter(lines: base, lineCount: Int(keyLines), probes: Int(probes))
    prefixes =
      prefixLines == 0
      ? nil
      : BloomFilter(
        lines: base + Int(keyLines) * BloomFilter.lineBytes, lineCount: Int(prefixLines),
        probes: Int(probes))
    self.rule = rule
  }

  deinit { memory.deallocate() }

  @inline(__always)
  func mayContain(keyHash: UInt64) -> Bool { keys.mayContain(keyHash) }

  /// Has the processor fetch what that question will look at.
  @inline(__always)
  func prefetch(keyHash: UInt64) { keys.prefetch(keyHash) }

  /// Whether some key may begin with `bytes`. A filter can tell when they begin with a prefix by its rule.
  func mayContain(prefix bytes: UnsafeRawBufferPointer) -> Bool {
    guard let prefix = rule.prefix(of: bytes) else { return true }
    return prefixes?.mayContain(KeyHash.hash(prefix)) ?? false
  }
}

/// Collects the hashes of a segment's keys and prefixes. Keys come in order, so that equal ones, and those
/// with equal prefixes, follow each other.
struct FilterBuilder {
  static let algorithm: UInt8 = 1

  private let rule: PrefixRule
  private var keyHashes: [UInt64] = []
  private var prefixHashes: [UInt64] = []

  init(rule: PrefixRule) {
    self.rule = rule
  }

  /// How long the payload would be if it ended here.
  var encodedBytes: Int {
    let lines = BloomFilter.lineCount(keyHashes.count) + BloomFilter.lineCount(prefixHashes.count)
    return SegmentFilters.headerBytes + lines * BloomFilter.lineBytes
  }

  @inline(__always)
  mutating func add(_ key: UnsafeRawBufferPointer) {
    let hash = KeyHash.hash(key)
    if keyHashes.last == hash { return }
    keyHashes.append(hash)
    guard let prefix = rule.prefix(of: key) else { return }
    let prefixHash = KeyHash.hash(prefix)
    if prefixHashes.last != prefixHash { prefixHashes.append(prefixHash) }
  }

  /// The payload of the filters' block.
  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(encodedBytes)
    bytes.append(Self.algorithm)
    bytes.append(UInt8(BloomFilter.probes))
    bytes.append(rule.code)
    bytes.append(0)
    bytes.append(littleEndian: rule.number)
    bytes.append(littleEndian: UInt32(BloomFilter.lineCount(keyHashes.count)))
    bytes.append(littleEndian: UInt32(BloomFilter.lineCount(prefixHashes.count)))
    BloomFilter.appendLines(of: keyHashes, to: &bytes)
    BloomFilter.appendLines(of: prefixHashes, to: &bytes)
    return bytes
  }
}

extension PrefixRule {
  fileprivate var code: UInt8 {
    switch self {
    case .none: 0
    case .fixedLength: 1
    case .tupleElements: 2
    }
  }

  fileprivate var number: UInt32 {
    switch self {
    case .none: 0
    case .fixedLength(let number), .tupleElements(let number): UInt32(clamping: number)
    }
  }

  /// `nil` for what no rule is written as.
  fileprivate init?(code: UInt8, number: UInt32) {
    switch code {
    case 0 where number == 0: self = .none
    case 1: self = .fixedLength(Int(number))
    case 2: self = .tupleElements(Int(number))
    default: return nil
    }
    guard isValid else { return nil }
  }
}
