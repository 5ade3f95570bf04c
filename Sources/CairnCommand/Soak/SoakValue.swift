/// The value that one operation of a soak writes: every byte follows from the lane's seed, the slot and the
/// operation's stamp, so that a model need only remember the stamp.
///
/// Begins with the stamp and a fingerprint of seed and slot, so that a wrong value says whose it is.
struct SoakValue {
  /// One in so many values is large.
  static let largeOdds: UInt64 = 100
  /// What a small value takes, in bytes: 20 to 500.
  static let smallBytes = 20...500
  /// What a large value takes: 2 KiB to 4 MiB, each octave as often as any other.
  static let largeOctaves: UInt64 = 11

  let stamp: UInt64
  /// How long it is, in bytes.
  let length: Int
  private let fingerprint: UInt64
  private let base: UInt64

  /// - Parameter length: How long it is; `nil`: it follows from the seed, the slot and the stamp as well.
  init(seed: UInt64, slot: Int, stamp: UInt64, length: Int? = nil) {
    self.stamp = stamp
    fingerprint = Self.mix(seed ^ Self.mix(UInt64(bitPattern: Int64(slot))))
    base = Self.mix(fingerprint ^ Self.mix(stamp))
    self.length = length ?? Self.length(base)
  }

  private static func length(_ base: UInt64) -> Int {
    guard base % largeOdds == 0 else {
      return smallBytes.lowerBound + Int((base >> 8) % UInt64(smallBytes.count))
    }
    let octave: UInt64 = 2048 << ((base >> 8) % largeOctaves)
    return Int(octave + mix(base) % octave)
  }

  /// The mean length, in bytes.
  static let meanLength: Int = {
    let small = UInt64((smallBytes.lowerBound + smallBytes.upperBound) / 2)
    // The mean of an octave is half as much again as its beginning.
    let octaves: UInt64 = (1 << largeOctaves) - 1
    let large: UInt64 = 2048 * octaves * 3 / (2 * largeOctaves)
    let mean: UInt64 = (small * (largeOdds - 1) + large) / largeOdds
    return Int(mean)
  }()

  /// All of its bytes.
  var bytes: [UInt8] {
    let length = length
    return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      var offset = 0
      while offset + 8 <= length {
        raw.storeBytes(of: word(offset / 8).littleEndian, toByteOffset: offset, as: UInt64.self)
        offset += 8
      }
      while offset < length {
        buffer[offset] = byte(at: offset)
        offset += 1
      }
      count = length
    }
  }

  /// Where `bytes` first differ from this value's bytes from `offset` on, as an offset into the value; also
  /// where they go on beyond its end.
  func firstDifference(in bytes: UnsafeRawBufferPointer, at offset: Int = 0) -> Int? {
    let length = length
    guard offset + bytes.count <= length else { return length }
    var index = 0
    if offset % 8 == 0 {
      while index + 8 <= bytes.count {
        let found = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        if found != word((offset + index) / 8) { break }
        index += 8
      }
    }
    while index < bytes.count {
      if bytes[index] != byte(at: offset + index) { return offset + index }
      index += 1
    }
    return nil
  }

  /// Which operation's value for this slot `bytes` begin as; `nil` when they begin as none.
  func stamp(of bytes: [UInt8]) -> UInt64? {
    guard bytes.count >= 16 else { return nil }
    return bytes.withUnsafeBytes { bytes in
      let found = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      guard found == fingerprint else { return nil }
      return UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    }
  }

  private func word(_ index: Int) -> UInt64 {
    switch index {
    case 0: stamp
    case 1: fingerprint
    // One value in eight is compressible: three words of four repeat.
    default:
      base >> 61 == 0 && index % 4 != 0
        ? Self.mix(base &+ UInt64(index % 4)) : Self.mix(base &+ UInt64(truncatingIfNeeded: index) << 8)
    }
  }

  private func byte(at offset: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: word(offset / 8) >> UInt64(8 * (offset % 8)))
  }

  /// A bijection that leaves no pattern of its argument (SplitMix64's).
  static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value &+ 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ (mixed &>> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed &>> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed &>> 31)
  }
}
