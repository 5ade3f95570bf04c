import Foundation

/// Keys of 16 bytes, as in LevelDB's own benchmark: a number, big-endian, and eight zeros as text.
enum Keys {
  /// A key whose order is that of `number`.
  static func ascending(_ number: Int) -> [UInt8] {
    var key = blank
    setAscending(number, &key)
    return key
  }

  /// Where a key of a workload is written again and again, without a new array each time.
  static let blank = [UInt8](repeating: 0, count: 8) + [UInt8](repeating: 0x30, count: Sizes.keyBytes - 8)

  @inline(__always)
  static func setAscending(_ number: Int, _ key: inout [UInt8]) {
    key.withUnsafeMutableBytes {
      $0.storeBytes(of: UInt64(truncatingIfNeeded: number).bigEndian, as: UInt64.self)
    }
  }

  /// Keys in no order: `number` goes through a one-to-one mapping first.
  @inline(__always)
  static func setScattered(_ number: Int, _ key: inout [UInt8]) {
    setAscending(Int(truncatingIfNeeded: scatter(UInt64(truncatingIfNeeded: number))), &key)
  }

  /// A key that is one of `count` entries below a prefix: prefix and entry are eight bytes each.
  @inline(__always)
  static func setEntry(_ entry: Int, ofPrefix prefix: Int, _ key: inout [UInt8]) {
    setScattered(prefix, &key)
    key.withUnsafeMutableBytes {
      $0.storeBytes(of: UInt64(entry).bigEndian, toByteOffset: 8, as: UInt64.self)
    }
  }

  /// The finalizer of SplitMix64, which is one-to-one.
  @inline(__always)
  static func scatter(_ number: UInt64) -> UInt64 {
    var value = number &+ 0x9E37_79B9_7F4A_7C15
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// Random numbers that are the same in each run, for each engine.
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9 }

  mutating func next() -> UInt64 {
    state &+= 1
    return Keys.scatter(state)
  }

  /// 0 ..< bound, by multiplication, so that it costs the loop next to nothing.
  @inline(__always)
  mutating func below(_ bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }
}

/// Values that compress to about half, as in LevelDB's own benchmark: random text, twice.
struct Values: Sendable {
  private let all: [[UInt8]]

  /// - Parameter repeatingEvery: long values are made of pieces of this length, each text that comes twice.
  init(bytes: Int, count: Int = 4096, repeatingEvery piece: Int = 256) {
    var numbers = SeededNumbers(bytes)
    all = (0..<count).map { _ in
      var value: [UInt8] = []
      while value.count < bytes {
        let length = min(piece, bytes - value.count)
        let half = (0..<(length + 1) / 2).map { _ in UInt8(0x20 + numbers.below(95)) }
        value += half + half.prefix(length - half.count)
      }
      return value
    }
  }

  @inline(__always)
  subscript(number: Int) -> [UInt8] { all[number % all.count] }
}

/// What has been read, so that no reading can be left out.
struct Tally {
  private(set) var found = 0
  private(set) var sum: UInt64 = 0

  /// Touches the first and the last byte.
  @inline(__always)
  mutating func add(_ bytes: UnsafeRawBufferPointer?) {
    guard let bytes, let first = bytes.first, let last = bytes.last else { return }
    found += 1
    sum &+= UInt64(first) &+ UInt64(last) &+ UInt64(bytes.count)
  }
}

/// Numbers by Zipf's law with exponent 0.99, the most frequent ones scattered, as in YCSB.
struct ZipfianNumbers {
  private let count: Int
  private let zeta: Double
  private let eta: Double
  private static let theta = 0.99
  private static let alpha = 1 / (1 - theta)

  init(_ count: Int) {
    self.count = count
    zeta = (1...count).reduce(0) { $0 + pow(Double($1), -Self.theta) }
    let two = 1 + pow(0.5, Self.theta)
    eta = (1 - pow(2 / Double(count), 1 - Self.theta)) / (1 - two / zeta)
  }

  /// 0 most often, then 1, ...
  func rank(_ numbers: inout SeededNumbers) -> Int {
    let uniform = Double(numbers.next() >> 11) * 0x1p-53
    let scaled = uniform * zeta
    if scaled < 1 { return 0 }
    if scaled < 1 + pow(0.5, Self.theta) { return 1 }
    return min(count - 1, Int(Double(count) * pow(eta * uniform - eta + 1, Self.alpha)))
  }

  /// The same with the ranks in no order.
  func scattered(_ numbers: inout SeededNumbers) -> Int {
    Int(Keys.scatter(UInt64(rank(&numbers))) % UInt64(count))
  }
}
