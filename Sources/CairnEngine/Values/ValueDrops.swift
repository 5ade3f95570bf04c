/// The records of one origin that die by one edit of the manifest.
///
///     varint origin │ ordinals, see ``OrdinalSet`` │ varint stored bytes
///
/// See "Value files" in format-spec.md.
struct ValueDrops: Hashable, Sendable {
  let origin: UInt64
  private(set) var ordinals: OrdinalSet
  /// What these records take, their chunk tables included.
  private(set) var storedBytes: UInt64

  /// None yet: to be added to, not to be written.
  init(origin: UInt64) {
    self.origin = origin
    ordinals = OrdinalSet()
    storedBytes = 0
  }

  /// Adds others of the same origin; `false`, and nothing changes, when a record is in both.
  mutating func formUnion(_ other: ValueDrops) -> Bool {
    let (sum, overflow) = storedBytes.addingReportingOverflow(other.storedBytes)
    guard other.origin == origin, !overflow, ordinals.formDisjointUnion(other.ordinals) else { return false }
    storedBytes = sum
    return true
  }

  /// The drops of all `handles`, by ascending origin; `nil` when a record is among them twice, or when the
  /// bytes of an origin exceed 2⁶⁴. Costs the sorting.
  static func grouped(_ handles: [ValueHandle]) -> [ValueDrops]? {
    var result: [ValueDrops] = []
    let sorted = handles.sorted { $0.name < $1.name }
    var rest = sorted[...]
    while let origin = rest.first?.origin {
      let group = rest.prefix { $0.origin == origin }
      rest = rest.dropFirst(group.count)
      guard let drops = ValueDrops(origin: origin, group) else { return nil }
      result.append(drops)
    }
    return result
  }

  /// `nil` when there is no handle, one is of another origin, or one is there twice.
  init?(origin: UInt64, _ handles: some Sequence<ValueHandle>) {
    var ordinals: [UInt32] = []
    var total: UInt64 = 0
    for handle in handles {
      let (sum, overflow) = total.addingReportingOverflow(handle.storedBytes)
      guard handle.origin == origin, !overflow else { return nil }
      ordinals.append(handle.ordinal)
      total = sum
    }
    guard let set = OrdinalSet(ordinals), !set.isEmpty else { return nil }
    self.origin = origin
    self.ordinals = set
    storedBytes = total
  }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(varint: origin)
    ordinals.encode(to: &bytes)
    bytes.append(varint: storedBytes)
    return bytes
  }

  /// `nil` when the bytes are not drops of at least one record.
  init?(decoding bytes: UnsafeRawBufferPointer) {
    var reader = ByteReader(bytes)
    guard let origin = reader.readVarint(), origin > 0, let ordinals = OrdinalSet(decodingFrom: &reader),
      !ordinals.isEmpty, let storedBytes = reader.readVarint(), reader.isAtEnd
    else { return nil }
    self.origin = origin
    self.ordinals = ordinals
    self.storedBytes = storedBytes
  }
}
