import CairnKV

/// Collects entries in order and encodes them as the payload of a block; see ``BlockView`` for its bytes.
struct BlockBuilder: ~Copyable {
  private struct Lengths {
    var trailer: EntryTrailer
    var key: Int
    var value: Int
  }

  /// A buffer that one giant entry made larger than this shrinks again.
  private static let keptBytes = 1 << 20

  private var keys = AppendBuffer(capacity: 4096)
  private var values = AppendBuffer(capacity: 4096)
  private var entries: [Lengths] = []
  private var prefixLength = 0

  var isEmpty: Bool { entries.isEmpty }

  /// About how long the payload would be if it ended here.
  var estimatedBytes: Int {
    8 + prefixLength + keys.count - prefixLength * entries.count + values.count + 11 * entries.count
  }

  mutating func add(key: UnsafeRawBufferPointer, _ trailer: EntryTrailer, value: UnsafeRawBufferPointer) {
    prefixLength = entries.isEmpty ? key.count : sharedPrefixLength(with: key)
    keys.append(key)
    values.append(value)
    entries.append(Lengths(trailer: trailer, key: key.count, value: value.count))
  }

  /// How many bytes `key` shares with the prefix so far, which the first key begins with.
  private func sharedPrefixLength(with key: UnsafeRawBufferPointer) -> Int {
    let first = keys.bytes
    let limit = min(prefixLength, key.count)
    var length = 0
    while length < limit && first[length] == key[length] { length += 1 }
    return length
  }

  /// The first key and trailer, good until the next change. Only while not empty.
  var first: (key: UnsafeRawBufferPointer, trailer: EntryTrailer) {
    (UnsafeRawBufferPointer(rebasing: keys.bytes[..<entries[0].key]), entries[0].trailer)
  }

  /// Replaces `payload` with the block's, and begins the next block.
  mutating func finish(into payload: inout AppendBuffer) {
    payload.removeAll(keeping: Self.keptBytes)
    payload.append(littleEndian: UInt32(truncatingIfNeeded: entries.count))
    payload.append(varint: UInt64(prefixLength))
    payload.append(UnsafeRawBufferPointer(rebasing: keys.bytes[..<prefixLength]))
    var key = 0
    var value = 0
    for entry in entries {
      payload.append(littleEndian: entry.trailer.rawValue)
      payload.append(varint: UInt64(entry.key - prefixLength))
      payload.append(varint: UInt64(entry.value))
      payload.append(UnsafeRawBufferPointer(rebasing: keys.bytes[key + prefixLength..<key + entry.key]))
      payload.append(UnsafeRawBufferPointer(rebasing: values.bytes[value..<value + entry.value]))
      key += entry.key
      value += entry.value
    }
    keys.removeAll(keeping: Self.keptBytes)
    values.removeAll(keeping: Self.keptBytes)
    entries.removeAll(keepingCapacity: true)
    prefixLength = 0
  }
}
