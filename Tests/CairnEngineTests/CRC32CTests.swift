import CairnTesting
import Testing

@testable import CairnEngine

/// Checksums against RFC 3720 and against the definition, on every path that this processor has.
@Suite struct CRC32CTests {
  /// One bit at a time, straight from the polynomial.
  private func reference(_ bytes: UnsafeRawBufferPointer, _ previous: UInt32) -> UInt32 {
    var value = ~previous
    for byte in bytes {
      value ^= UInt32(byte)
      for _ in 0..<8 { value = (value >> 1) ^ (value & 1 == 0 ? 0 : 0x82F6_3B78) }
    }
    return ~value
  }

  static let vectors: [([UInt8], UInt32)] = [
    ([], 0),
    ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
    ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
    ([UInt8](0..<32), 0x46DD_794E),
    ([UInt8]((0..<32).reversed()), 0x113F_DB5C),
    (
      [
        0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14,
        0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
      ], 0xD996_3A56
    ),
    ([UInt8]("123456789".utf8), 0xE306_9283),
  ]

  @Test(arguments: vectors) func publishedVectors(bytes: [UInt8], expected: UInt32) {
    bytes.withUnsafeBytes { bytes in
      #expect(CRC32C.checksum(bytes) == expected)
      for path in CRC32C.allPaths { #expect(path.checksum(bytes, 0) == expected, "\(path.name)") }
    }
  }

  /// Lengths on both sides of where the lanes begin, at every alignment.
  @Test(arguments: [0, 1, 7, 8, 9, 63, 383, 384, 385, 767, 768, 1000, 3071, 3072, 3073, 3456, 6144, 10_007])
  func pathsAgree(length: Int) {
    var random = SeededGenerator(seed: 0xC7C0 &+ UInt64(length))
    let memory = (0..<length + 16).map { _ in UInt8.random(in: 0...255, using: &random) }
    memory.withUnsafeBytes { memory in
      for alignment in 0..<8 {
        let bytes = UnsafeRawBufferPointer(rebasing: memory[alignment..<alignment + length])
        let previous = UInt32.random(in: 0...UInt32.max, using: &random)
        let expected = reference(bytes, previous)
        #expect(CRC32C.checksum(bytes, extending: previous) == expected)
        for path in CRC32C.allPaths { #expect(path.checksum(bytes, previous) == expected, "\(path.name)") }
      }
    }
  }

  @Test(arguments: 0..<200) func extendingEqualsTheWhole(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let memory = (0..<Int.random(in: 0...9000, using: &random)).map { _ in
      UInt8.random(in: 0...255, using: &random)
    }
    let cut = Int.random(in: 0...memory.count, using: &random)
    memory.withUnsafeBytes { memory in
      let first = UnsafeRawBufferPointer(rebasing: memory[..<cut])
      let second = UnsafeRawBufferPointer(rebasing: memory[cut...])
      for path in CRC32C.allPaths {
        #expect(path.checksum(second, path.checksum(first, 0)) == path.checksum(memory, 0), "\(path.name)")
      }
    }
  }
}
