// The bytes of a simulated file, in pages that copies share until one of them is written.
//
// Data and size are apart, as on a disk: a write may have reached the disk while the growth that belongs to
// it has not. Data beyond the size is kept, for the growth may still come, but never read.

/// A sparse, copy-on-write sequence of bytes.
struct PagedContent: Hashable, Sendable {
  /// The unit of sharing: large enough that a copy's table is small, small enough to copy on a write.
  static let pageBytes = 16 * 1024

  /// How many bytes can be read.
  private(set) var size: UInt64 = 0
  private var pages: [UInt64: [UInt8]] = [:]
  /// Where the data ends: nothing but zeros was stored from here on.
  private var dataEnd: UInt64 = 0

  /// Reads from `offset` until the buffer is full or the content ends; bytes never written read as zeros.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
    if offset >= size { return 0 }
    let count = Int(min(UInt64(buffer.count), size - offset))
    Self.forEachPiece(of: count, at: offset) { page, start, range in
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[range])
      if let bytes = pages[page] {
        bytes.withUnsafeBytes {
          target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start...].prefix(range.count)))
        }
      } else {
        target.initializeMemory(as: UInt8.self, repeating: 0)
      }
    }
    return count
  }

  /// Stores bytes, within the size or beyond it.
  mutating func store(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) {
    dataEnd = max(dataEnd, offset + UInt64(bytes.count))
    Self.forEachPiece(of: bytes.count, at: offset) { page, start, range in
      let source = UnsafeRawBufferPointer(rebasing: bytes[range])
      pages[page, default: [UInt8](repeating: 0, count: Self.pageBytes)].withUnsafeMutableBytes {
        UnsafeMutableRawBufferPointer(rebasing: $0[start...]).copyMemory(from: source)
      }
    }
  }

  /// Makes at least `size` bytes readable.
  mutating func grow(to size: UInt64) {
    self.size = max(self.size, size)
  }

  /// Sets the size and forgets the data beyond it.
  mutating func truncate(to size: UInt64) {
    self.size = size
    discardBeyondSize()
  }

  /// Forgets the data beyond the size.
  mutating func discardBeyondSize() {
    if dataEnd <= size { return }
    dataEnd = size
    let boundary = size / UInt64(Self.pageBytes)
    for page in pages.keys.filter({ $0 > boundary }) { pages[page] = nil }
    let start = Int(size % UInt64(Self.pageBytes))
    pages[boundary]?.withUnsafeMutableBytes {
      _ = UnsafeMutableRawBufferPointer(rebasing: $0[start...]).initializeMemory(as: UInt8.self, repeating: 0)
    }
  }

  /// Adds what can be read. Pages of zeros are as pages that were never written.
  func mix(into mixture: inout Mixture) {
    mixture.add(size)
    for (page, bytes) in pages.sorted(by: { $0.key < $1.key }) where page * UInt64(Self.pageBytes) < size {
      bytes.withUnsafeBytes { bytes in
        if Mixture.isZero(bytes) { return }
        mixture.add(page)
        mixture.add(bytes)
      }
    }
  }

  /// Divides `count` bytes from `offset` by pages: the page, where in it the piece begins, and its range in
  /// the bytes.
  private static func forEachPiece(
    of count: Int, at offset: UInt64, _ body: (_ page: UInt64, _ start: Int, _ range: Range<Int>) -> Void
  ) {
    var done = 0
    while done < count {
      let position = offset + UInt64(done)
      let start = Int(position % UInt64(pageBytes))
      let length = min(count - done, pageBytes - start)
      body(position / UInt64(pageBytes), start, done..<(done + length))
      done += length
    }
  }
}
