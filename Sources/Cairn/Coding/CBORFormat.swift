// The parts of RFC 8949 that the encoder, the decoder and the value model share.

/// The major types of RFC 8949 §3.1: the top three bits of an item's first byte.
enum CBORMajor {
  static let unsigned: UInt8 = 0
  static let negative: UInt8 = 1
  static let bytes: UInt8 = 2
  static let text: UInt8 = 3
  static let array: UInt8 = 4
  static let map: UInt8 = 5
  static let tag: UInt8 = 6
  static let simple: UInt8 = 7
}

/// Whole first bytes of items of major type 7 (RFC 8949 §3.3).
enum CBORByte {
  static let `false`: UInt8 = 0xF4
  static let `true`: UInt8 = 0xF5
  static let null: UInt8 = 0xF6
  static let half: UInt8 = 0xF9
  static let single: UInt8 = 0xFA
  static let double: UInt8 = 0xFB
  static let emptyMap: UInt8 = 0xA0
}

/// The head of an item (RFC 8949 §3): a first byte, then the argument in as few bytes as hold it, big-endian.
struct CBORHead {
  private let first: UInt8
  private let argument: UInt64
  private let argumentByteCount: Int

  init(_ major: UInt8, _ argument: UInt64) {
    self.argument = argument
    if argument < 24 {
      first = major << 5 | UInt8(argument)
      argumentByteCount = 0
    } else {
      let exponent = argument <= 0xFF ? 0 : argument <= 0xFFFF ? 1 : argument <= 0xFFFF_FFFF ? 2 : 3
      first = major << 5 | UInt8(24 + exponent)
      argumentByteCount = 1 << exponent
    }
  }

  init(half bits: UInt16) {
    (first, argument, argumentByteCount) = (CBORByte.half, UInt64(bits), 2)
  }

  init(single value: Float) {
    (first, argument, argumentByteCount) = (CBORByte.single, UInt64(value.bitPattern), 4)
  }

  init(double value: Double) {
    (first, argument, argumentByteCount) = (CBORByte.double, value.bitPattern, 8)
  }

  /// 1 to 9.
  var byteCount: Int { 1 + argumentByteCount }

  /// The byte at `index`, less than `byteCount`.
  subscript(index: Int) -> UInt8 {
    index == 0 ? first : UInt8(truncatingIfNeeded: argument >> UInt64(8 * (argumentByteCount - index)))
  }
}

/// The bounds that encoder and decoder agree on, so that what one writes the other reads.
enum CBORLimits {
  /// How deep values may lie in one another. It keeps the stack that recursion takes within the 512 KiB of
  /// the smallest threads.
  static let nesting = 128
}

/// Binary16 by its bits (RFC 8949 appendix D): `Float16` does not exist on every platform.
enum CBORHalf {
  /// The canonical not-a-number.
  static let notANumber: UInt16 = 0x7E00

  /// The half that is exactly `value`, if there is one. Not for not-a-number.
  static func bits(exactly value: Float) -> UInt16? {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let exponent = Int(bits >> 23 & 0xFF) - 127
    let fraction = bits & 0x7F_FFFF
    if bits & 0x7FFF_FFFF == 0 { return sign }
    switch exponent {
    case 128:
      return fraction == 0 ? sign | 0x7C00 : nil
    case -14...15:
      guard fraction & 0x1FFF == 0 else { return nil }
      return sign | UInt16(truncatingIfNeeded: exponent + 15) << 10
        | UInt16(truncatingIfNeeded: fraction >> 13)
    case -24 ..< -14:
      let significand = fraction | 0x80_0000
      let shift = UInt32(truncatingIfNeeded: -1 - exponent)
      guard significand & ((1 << shift) - 1) == 0 else { return nil }
      return sign | UInt16(truncatingIfNeeded: significand >> shift)
    default:
      return nil
    }
  }

  /// The value of a half.
  static func value(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 0x1F)
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:
      let magnitude = Float(fraction) * 0x1p-24
      return sign == 0 ? magnitude : -magnitude
    case 31:
      return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default:
      return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}
