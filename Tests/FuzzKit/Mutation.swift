/// Ways to change bytes and records that parsers tend to stumble over: bits, numbers at the edges of their types, lengths,
/// pieces that are missing, doubled or somebody else's.
package enum Mutation {
  /// No change makes an input longer than this.
  package static let greatestBytes = 1 << 16

  private static let edges: [UInt64] = [
    0, 1, 2, 3, 4, 7, 8, 9, 23, 24, 31, 32, 63, 64, 127, 128, 129, 255, 256, 4095, 4096, 4097, 65535, 65536,
    65537,
    1 << 17, 1 << 20, 1 << 30, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 32, 1 << 55 - 1, 1 << 55, 1 << 56 - 1,
    1 << 56,
    1 << 62, 1 << 63 - 4097, 1 << 63 - 1, 1 << 63, .max - 4096, .max - 128, .max - 9, .max - 1, .max,
  ]

  /// A number that some check is likely to compare with, for an input of so many bytes.
  package static func edge(near length: Int, using random: inout FuzzRandom) -> UInt64 {
    switch random.below(7) {
    case 6: 1 << UInt64(random.below(64)) &- 1 << UInt64(random.below(64))
    case 0: UInt64(truncatingIfNeeded: length &+ random.below(33) &- 16)
    case 1: UInt64(random.below(max(length, 1) + 1))
    case 2: random.next() >> UInt64(random.below(64))
    default: edges[random.below(edges.count)] &+ UInt64(truncatingIfNeeded: random.below(5) - 2)
    }
  }

  package static func varint(_ number: UInt64) -> [UInt8] {
    var result: [UInt8] = []
    var rest = number
    while rest >= 0x80 {
      result.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    result.append(UInt8(truncatingIfNeeded: rest))
    return result
  }

  /// Changes `bytes` in one way, or in a few.
  /// - Parameters:
  ///   - other: what pieces are taken from.
  ///   - keepingLength: whether nothing may be inserted or removed.
  package static func change(
    _ bytes: inout [UInt8], with other: [UInt8] = [], keepingLength: Bool = false,
    using random: inout FuzzRandom
  ) {
    let count = random.chance(3, in: 5) ? 1 : 1 + random.below(6)
    for _ in 0..<count {
      if keepingLength || random.chance(3, in: 5) {
        overwrite(&bytes, using: &random)
      } else {
        resize(&bytes, with: other, using: &random)
      }
    }
  }

  /// Changes some bytes in their places, in one way.
  package static func overwrite(_ bytes: inout [UInt8], using random: inout FuzzRandom) {
    if bytes.isEmpty { return }
    // The beginning, where lengths and counts stand, as often as all the rest.
    let place = random.below(random.chance(1, in: 3) ? min(bytes.count, 24) : bytes.count)
    switch random.below(10) {
    case 0, 1: bytes[place] ^= 1 << UInt8(random.below(8))
    case 2: bytes[place] = UInt8(truncatingIfNeeded: random.next())
    case 3: bytes[place] &+= UInt8(truncatingIfNeeded: random.below(9) - 4)
    case 4: bytes[place] = [0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF].any(using: &random) ?? 0
    case 5, 6:
      put(
        edge(near: bytes.count, using: &random), width: 1 << random.below(4), at: place, in: &bytes,
        using: &random)
    case 7:
      for (index, byte) in varint(edge(near: bytes.count, using: &random)).enumerated()
      where place + index < bytes.count { bytes[place + index] = byte }
    case 8:
      let from = random.below(bytes.count)
      let length = min(1 + random.below(16), bytes.count - max(place, from))
      for index in 0..<length { bytes[place + index] = bytes[from + index] }
    default:
      let value: UInt8 = random.chance(1, in: 2) ? 0 : 0xFF
      for index in place..<min(place + 1 + random.below(16), bytes.count) { bytes[index] = value }
    }
  }

  private static func put(
    _ number: UInt64, width: Int, at place: Int, in bytes: inout [UInt8], using random: inout FuzzRandom
  ) {
    let isBigEndian = random.chance(1, in: 4)
    for index in 0..<width where place + index < bytes.count {
      let shift = UInt64(8 * (isBigEndian ? width - 1 - index : index))
      bytes[place + index] = UInt8(truncatingIfNeeded: number >> shift)
    }
  }

  private static func resize(_ bytes: inout [UInt8], with other: [UInt8], using random: inout FuzzRandom) {
    let place = random.below(bytes.count + 1)
    let rest = bytes.count - place
    let length = random.chance(3, in: 4) ? 1 + random.below(12) : random.below(bytes.count + 1)
    switch random.below(9) {
    case 7, 8:
      // Another number in the place of one, whatever that takes.
      let end = bytes[place...].firstIndex { $0 < 0x80 }.map { $0 + 1 } ?? bytes.count
      bytes.replaceSubrange(
        place..<min(end, place + 10), with: varint(edge(near: bytes.count, using: &random)))
    case 0: bytes.removeSubrange(place...)
    case 1: bytes.removeSubrange(place..<place + min(length, rest))
    case 2 where bytes.count < greatestBytes:
      bytes.insert(contentsOf: (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }, at: place)
    case 3 where bytes.count < greatestBytes:
      bytes.insert(
        contentsOf: Array(bytes[place..<place + min(length, rest)]), at: random.below(bytes.count + 1))
    case 4 where bytes.count < greatestBytes && !other.isEmpty:
      let from = random.below(other.count)
      bytes.insert(contentsOf: other[from..<min(from + length, other.count)], at: place)
    case 5 where !other.isEmpty:
      // The beginning of one and the end of the other.
      bytes = Array(bytes[..<place] + other[random.below(other.count)...])
    default: bytes.insert(contentsOf: varint(edge(near: bytes.count, using: &random)), at: place)
    }
  }

  /// Exchanges, doubles, takes away or takes over whole records, in one way.
  package static func rearrange<Record>(
    _ records: inout [Record], with other: [Record] = [], using random: inout FuzzRandom
  ) {
    let place = random.below(records.count + 1)
    switch random.below(5) {
    case 0 where records.count > 1: records.swapAt(random.below(records.count), random.below(records.count))
    case 1 where place < records.count: records.insert(records[place], at: random.below(records.count + 1))
    case 2 where place < records.count: records.remove(at: place)
    case 3 where place < records.count: records.removeSubrange(place...)
    default: if let taken = other.any(using: &random) { records.insert(taken, at: place) }
    }
  }
}
