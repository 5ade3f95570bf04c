import Testing

@testable import CairnEngine

@Suite struct PageMemoryTests {
  /// Mapped or allocated, every byte is there to be written, and what is large lies on a page's border.
  @Test(arguments: [1, 4096, 65_535, 65_536, 65_537, 3 << 20]) func everyByteCanBeUsed(count: Int) {
    let pieces = (0..<3).map { _ in PageMemory(byteCount: count) }
    for (fill, piece) in pieces.enumerated() {
      #expect(piece.count == count)
      piece.address.initializeMemory(as: UInt8.self, repeating: UInt8(fill + 1), count: count)
      if count >= 65_536 { #expect(Int(bitPattern: piece.address).isMultiple(of: 4096)) }
    }
    for (fill, piece) in pieces.enumerated() {
      let bytes = UnsafeRawBufferPointer(start: piece.address, count: count)
      #expect(bytes.allSatisfy { $0 == UInt8(fill + 1) })
      piece.free()
    }
  }
}
