/// The hash by which filters know keys. It is part of the segment format: `format-spec.md`, "Filters", has
/// its definition in words and its test vectors.
///
/// Multiply-and-fold, in the manner of wyhash: 16 bytes a step, each one multiplication of 64 by 64 bits
/// whose two halves are combined. It resists accidents, not an adversary: who chooses keys to collide makes
/// his own look-ups slower.
enum KeyHash {
  private static let seed: UInt64 = 0x9E37_79B9_7F4A_7C15
  private static let evenWord: UInt64 = 0xA076_1D64_78BD_642F
  private static let finish: UInt64 = 0xE703_7ED1_A0B4_28DB
  private static let last: UInt64 = 0x8EBC_6AF0_9C88_C6E3

  @inline(__always)
  static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = seed ^ UInt64(bytes.count)
    guard var place = bytes.baseAddress else { return fold(hash ^ finish, last) }
    var rest = bytes.count
    while rest >= 16 {
      let even = UInt64(littleEndian: place.loadUnaligned(as: UInt64.self))
      let odd = UInt64(littleEndian: place.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      hash = fold(even ^ evenWord, odd ^ hash)
      place += 16
      rest &-= 16
    }
    if rest >= 8 {
      let even = UInt64(littleEndian: place.loadUnaligned(as: UInt64.self))
      hash = fold(even ^ evenWord, partialWord(place + 8, rest &- 8) ^ hash)
    } else if rest > 0 {
      hash = fold(partialWord(place, rest) ^ evenWord, hash)
    }
    return fold(hash ^ finish, last)
  }

  /// The number that fewer than eight bytes are, the first the least significant.
  @inline(__always)
  private static func partialWord(_ place: UnsafeRawPointer, _ count: Int) -> UInt64 {
    var word: UInt64 = 0
    for index in 0..<count {
      word |= UInt64(place.load(fromByteOffset: index, as: UInt8.self)) &<< UInt64(8 &* index)
    }
    return word
  }

  @inline(__always)
  private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }
}
