/// The fields of one map: its keys and where their values are, in the map's own order, which is that of the
/// keys.
///
/// Found by one scan when a type asks for a keyed container. A look-up first tries the field after the last
/// one found, then searches by halves; eight bytes of each key beside its length decide nearly every
/// comparison.
final class CBORFieldTable {
  let reader: CBORReader
  /// The offset of the map.
  let offset: Int
  @exclusivity(unchecked) private var fields: RawStack<Field>
  /// Where the next look-up tries first.
  @exclusivity(unchecked) private var next = 0

  private struct Field {
    let name: Name
    let valueOffset: Int
  }

  /// A key's length, its first eight bytes as a big-endian number, and all of its bytes.
  private struct Name {
    let length: Int
    let prefix: UInt64
    let bytes: UnsafeRawPointer

    @inline(__always)
    init(_ bytes: UnsafeRawPointer, length: Int) {
      self.length = length
      self.bytes = bytes
      if length >= 8 {
        prefix = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
      } else {
        var number: UInt64 = 0
        for index in 0..<length {
          number = number << 8 | UInt64(bytes.load(fromByteOffset: index, as: UInt8.self))
        }
        prefix = length == 0 ? 0 : number << UInt64(64 - 8 * length)
      }
    }
  }

  /// The fields of the map at `offset`, which there must be.
  init(_ reader: CBORReader, mapAt offset: Int) {
    self.reader = reader
    self.offset = offset
    let map = reader.head(at: offset)
    fields = RawStack(capacity: Int(map.argument))
    var position = map.next
    for _ in 0..<Int(map.argument) {
      let key = reader.head(at: position)
      let length = Int(key.argument)
      let value = key.next + length
      fields.append(Field(name: Name(reader.base + key.next, length: length), valueOffset: value))
      position = reader.end(ofItemAt: value)
    }
  }

  /// The texts of all keys.
  var keys: [String] {
    (0..<fields.count).map { index in
      let name = fields[index].name
      return String(
        decoding: UnsafeRawBufferPointer(start: name.bytes, count: name.length), as: UTF8.self)
    }
  }

  /// The offset of the value of `key`, if the map has the key.
  @inline(__always)
  func find(_ key: String) -> Int? {
    var key = key
    return key.withUTF8 { utf8 in
      guard let start = utf8.baseAddress else { return find(Name(reader.base, length: 0)) }
      return find(Name(start, length: utf8.count))
    }
  }

  private func find(_ name: Name) -> Int? {
    if next < fields.count && compare(fields[next].name, name) == 0 {
      next += 1
      return fields[next - 1].valueOffset
    }
    var low = 0
    var high = fields.count
    while low < high {
      let middle = (low + high) / 2
      let order = compare(fields[middle].name, name)
      if order == 0 {
        next = middle + 1
        return fields[middle].valueOffset
      }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  /// Below, at or above 0 as `left` comes before, is, or comes after `right`: shorter keys come first.
  @inline(__always)
  private func compare(_ left: Name, _ right: Name) -> Int {
    if left.length != right.length { return left.length - right.length }
    if left.prefix != right.prefix { return left.prefix < right.prefix ? -1 : 1 }
    return left.length <= 8 ? 0 : compareTails(left, right)
  }

  private func compareTails(_ left: Name, _ right: Name) -> Int {
    for index in 8..<left.length {
      let difference =
        Int(left.bytes.load(fromByteOffset: index, as: UInt8.self))
        - Int(right.bytes.load(fromByteOffset: index, as: UInt8.self))
      if difference != 0 { return difference }
    }
    return 0
  }
}
