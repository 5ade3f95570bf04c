import CairnKV

/// Collects entries in order and encodes them as the payload of a block; see ``BlockView`` for its bytes.
struct BlockBuilder {
  private struct Lengths {
    var trailer: EntryTrailer
    var key: Int
    var value: Int
  }

  private var keys: [UInt8] = []
  private var values: [UInt8] = []
  private var entries: [Lengths] = []
  private var prefixLength = 0

  var isEmpty: Bool { entries.isEmpty }

  /// About how long the payload would be if it ended here.
  var estimatedBytes: Int {
    8 + prefixLength + keys.count - prefixLength * entries.count + values.count + 11 * entries.count
  }

  mutating func add(key: UnsafeRawBufferPointer, _ trailer: EntryTrailer, value: UnsafeRawBufferPointer) {
    prefixLength = entries.isEmpty ? key.count : sharedPrefixLength(with: key)
    keys.append(contentsOf: key)
    values.append(contentsOf: value)
    entries.append(Lengths(trailer: trailer, key: key.count, value: value.count))
  }

  /// How many bytes `key` shares with the prefix so far, which the first key begins with.
  private func sharedPrefixLength(with key: UnsafeRawBufferPointer) -> Int {
    keys.withUnsafeBytes { keys in
      let limit = min(prefixLength, key.count)
      var length = 0
      while length < limit && keys[length] == key[length] { length += 1 }
      return length
    }
  }

  /// The first key and trailer. Only while not empty.
  var first: (key: ArraySlice<UInt8>, trailer: EntryTrailer) {
    (keys[..<entries[0].key], entries[0].trailer)
  }

  /// Replaces `payload` with the block's, and begins the next block.
  mutating func finish(into payload: inout [UInt8]) {
    payload.removeAll(keepingCapacity: true)
    payload.reserveCapacity(estimatedBytes + 10 * entries.count)
    payload.append(littleEndian: UInt32(truncatingIfNeeded: entries.count))
    keys.withUnsafeBytes { keys in
      values.withUnsafeBytes { values in
        payload.append(lengthPrefixed: UnsafeRawBufferPointer(rebasing: keys[..<prefixLength]))
        var key = 0
        var value = 0
        for entry in entries {
          payload.append(littleEndian: entry.trailer.rawValue)
          payload.append(varint: UInt64(entry.key - prefixLength))
          payload.append(varint: UInt64(entry.value))
          payload.append(
            contentsOf: UnsafeRawBufferPointer(rebasing: keys[key + prefixLength..<key + entry.key]))
          payload.append(contentsOf: UnsafeRawBufferPointer(rebasing: values[value..<value + entry.value]))
          key += entry.key
          value += entry.value
        }
      }
    }
    keys.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: values.capacity <= 1 << 20)
    entries.removeAll(keepingCapacity: true)
    prefixLength = 0
  }
}
