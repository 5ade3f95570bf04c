extension CBORWriter {
  /// Writes an array of entries that are sorted by their first item's bytes. `writeEntries` calls
  /// ``sortedEntry(_:)`` for the first item of each and writes the others after it. The value's frame is
  /// the one under way.
  func writeSorted(itemsPerEntry: Int, _ writeEntries: (CBORWriter) throws -> Void) throws {
    let top = frames.count - 1
    frames[top].kind = itemsPerEntry == 1 ? .sortedElements : .sortedPairs
    bytes.append(0)
    try writeEntries(self)
    frames[top].count = (entries.count - frames[top].firstEntry) * itemsPerEntry
  }

  /// Writes the item by which an entry is sorted.
  func sortedEntry(_ writeItem: () throws -> Void) throws {
    let start = bytes.count
    try writeItem()
    entries.append(Entry(start: start, keyLength: bytes.count - start))
  }

  /// Brings the frame's entries into the order of their encoded keys (RFC 8949 §4.2.1), and children's
  /// bytes into their places.
  func arrangeEntries(of frame: Frame) throws {
    let count = entries.count - frame.firstEntry
    guard count > 0 else { return }
    let frameEntries = UnsafeMutableBufferPointer(start: entries.base + frame.firstEntry, count: count)
    var end = bytes.count
    for index in frameEntries.indices.reversed() {
      frameEntries[index].end = end
      end = frameEntries[index].start
    }
    let isSorted = try frame.kind == .unkeyed || sort(frameEntries, in: frame)
    if !isSorted || children.count > frame.firstChild { try rewrite(frameEntries, from: end) }
  }

  /// Sorts entries by their keys; says whether they were in order before.
  private func sort(_ frameEntries: UnsafeMutableBufferPointer<Entry>, in frame: Frame) throws -> Bool {
    for index in frameEntries.indices {
      let entry = frameEntries[index]
      frameEntries[index].prefix = prefix(at: entry.start, length: entry.keyLength)
    }
    let order = EntryOrder(bytes: UnsafePointer(bytes.base))
    var isSorted = true
    for index in frameEntries.indices.dropFirst() where isSorted {
      isSorted = order.precedes(frameEntries[index - 1], frameEntries[index])
    }
    if isSorted { return true }
    var sorted = frameEntries
    sorted.sort { order.precedes($0, $1) }
    guard frame.kind != .sortedElements else { return false }
    for index in frameEntries.indices.dropFirst()
    where !order.precedes(frameEntries[index - 1], frameEntries[index]) {
      throw misuse("two values were encoded for one key, \(keyText(of: frameEntries[index]))")
    }
    return false
  }

  /// The key of an entry, for people. Keys that are not text are named by their kind alone.
  func keyText(of entry: Entry) -> String {
    let first = bytes[entry.start]
    guard first >> 5 == CBORMajor.text else { return "(not text)" }
    let headLength = first & 31 < 24 ? 1 : 1 + 1 << Int(first & 31 - 24)
    let text = UnsafeBufferPointer(
      start: bytes.base + entry.start + headLength, count: entry.keyLength - headLength)
    return String(decoding: text, as: UTF8.self)
  }

  /// The first eight bytes of an encoded key as a big-endian number.
  private func prefix(at start: Int, length: Int) -> UInt64 {
    guard bytes.count - start >= 8 else {
      return (start..<start + 8).reduce(0) { $0 << 8 | ($1 < start + length ? UInt64(bytes[$1]) : 0) }
    }
    let loaded = UInt64(bigEndian: UnsafeRawPointer(bytes.base + start).loadUnaligned(as: UInt64.self))
    return length >= 8 ? loaded : loaded & ~(UInt64.max >> UInt64(8 * length))
  }

  /// Writes the bytes from `start` on anew: the entries in their order, each with its child behind its key.
  private func rewrite(_ frameEntries: UnsafeMutableBufferPointer<Entry>, from start: Int) throws {
    scratch.truncate(to: 0)
    for entry in frameEntries {
      let keyEnd = entry.start + entry.keyLength
      if entry.child < 0 {
        scratch.append(from: bytes.base + entry.start, count: entry.end - entry.start)
      } else {
        let child = children[entry.child]
        try child.finish()
        scratch.append(from: bytes.base + entry.start, count: entry.keyLength)
        scratch.append(from: child.bytes.base, count: child.bytes.count)
        scratch.append(from: bytes.base + keyEnd, count: entry.end - keyEnd)
      }
    }
    bytes.truncate(to: start)
    bytes.append(from: scratch.base, count: scratch.count)
  }
}

/// The order of encoded keys. They are self-delimiting, so of two different ones none begins the other.
private struct EntryOrder {
  let bytes: UnsafePointer<UInt8>

  @inline(__always)
  func precedes(_ left: CBORWriter.Entry, _ right: CBORWriter.Entry) -> Bool {
    if left.prefix != right.prefix { return left.prefix < right.prefix }
    return tailPrecedes(left, right)
  }

  private func tailPrecedes(_ left: CBORWriter.Entry, _ right: CBORWriter.Entry) -> Bool {
    var index = 8
    while index < min(left.keyLength, right.keyLength) {
      let (leftByte, rightByte) = (bytes[left.start + index], bytes[right.start + index])
      if leftByte != rightByte { return leftByte < rightByte }
      index += 1
    }
    return false
  }
}
