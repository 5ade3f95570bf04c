// Whether two disks are the same, without keeping either.

extension SimulatedFileSystem {
  /// The same for disks on which every name leads to the same content, and different, but for one in some 2⁶⁰, for
  /// others. Which file has two names is not told. Costs a microsecond or so for every 4 KiB of content.
  package var fingerprint: UInt64 {
    var mixture = Mixture()
    contents.mix(0, path: "", into: &mixture)
    return mixture.value
  }
}

/// Sixty-four bits to which others are added one after the other.
struct Mixture {
  private(set) var value: UInt64 = 0x9E37_79B9_7F4A_7C15

  mutating func add(_ word: UInt64) {
    // Multiplication carries low bits up, the shift high bits down.
    value = (value ^ word) &* 0xD6E8_FEB8_6659_FD93
    value ^= value >> 32
  }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var offset = 0
    while offset + 8 <= bytes.count {
      add(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
    }
    var rest: UInt64 = UInt64(bytes.count)
    for byte in bytes[offset...] { rest = rest << 8 | UInt64(byte) }
    add(rest)
  }

  /// Whether there are zeros only. Of lengths that are multiples of 8.
  static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    for offset in stride(from: 0, to: bytes.count, by: 8)
    where bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != 0 {
      return false
    }
    return true
  }

  mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
  }
}

extension NodeTable {
  /// Adds what is below a directory. Directories are no deeper than paths are long: there are no links to them.
  fileprivate func mix(_ directory: NodeNumber, path: String, into mixture: inout Mixture) {
    for (name, node) in (entries(directory) ?? [:]).sorted(by: { $0.key < $1.key }) {
      let path = path + "/" + name
      mixture.add(path)
      if entries(node) != nil {
        mix(node, path: path, into: &mixture)
      } else {
        content(node).mix(into: &mixture)
      }
    }
  }
}
