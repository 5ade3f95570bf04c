/// Where an encoding comes into being: one buffer into which values are written in the order in which they
/// come, and a stack of frames, one for each value whose `encode(to:)` runs.
///
/// A map's entries are written as they come, and noted; when the value's `encode(to:)` has returned, its
/// frame is closed: the entries are put in order if they are not, and the head is set. No tree of nodes is
/// ever built.
///
/// A nested container or super-encoder outlives the call that made it and may be written to in any
/// order with its parent, so it is a *child*: a writer of its own, whose bytes are put in its place when the
/// frame that it belongs to is closed.
///
/// A writer is used by one thread, and no access to its fields lasts beyond a line; so the run-time checks
/// for overlapping accesses are off.
final class CBORWriter {
  @exclusivity(unchecked) var bytes: RawStack<UInt8>
  @exclusivity(unchecked) var entries: RawStack<Entry>
  @exclusivity(unchecked) var frames: RawStack<Frame>
  /// Memory for putting entries in order.
  @exclusivity(unchecked) var scratch = RawStack<UInt8>(capacity: 0)
  @exclusivity(unchecked) var children: [CBORWriter] = []
  @exclusivity(unchecked) private var nextSerial = 0
  /// The last type that was found to have an order of its own.
  @exclusivity(unchecked) private var lastOrderedType: ObjectIdentifier?
  /// What went wrong in a call that cannot throw; the encoding fails with it in the end.
  private var failure: CodingFailure?

  let userInfo: [CodingUserInfoKey: any Sendable]
  /// The path of the value that this writer writes; empty but for children.
  private let path: [any CodingKey]
  /// How deep the value lies in the whole.
  private let depth: Int

  /// An entry of a map, of a sorted array, or the place of a child in an array.
  struct Entry {
    /// The first eight bytes of the encoded key as a big-endian number, zeros after a shorter key. Set when
    /// needed.
    var prefix: UInt64 = 0
    var start: Int
    /// Set when the frame is closed.
    var end = 0
    var keyLength: Int
    /// The index of the child whose bytes belong behind the key, or -1.
    var child = -1
  }

  /// A value under way.
  struct Frame {
    var kind = Kind.undecided
    /// The offset of the value's first byte. A container's head takes one byte there until it is closed.
    var start: Int
    /// The index of its first entry.
    var firstEntry: Int
    /// The index of its first child.
    var firstChild: Int
    /// How many elements or entries it has.
    var count = 0
    var serial: Int

    enum Kind {
      case undecided, single, keyed, unkeyed, byteString, sortedElements, sortedPairs
    }
  }

  init(userInfo: [CodingUserInfoKey: any Sendable]) {
    bytes = RawStack(capacity: 1024)
    entries = RawStack(capacity: 64)
    frames = RawStack(capacity: 16)
    self.userInfo = userInfo
    path = []
    depth = 0
  }

  private init(childOf parent: CBORWriter, path: [any CodingKey]) {
    bytes = RawStack(capacity: 128)
    entries = RawStack(capacity: 8)
    frames = RawStack(capacity: 4)
    userInfo = parent.userInfo
    self.path = path
    depth = parent.depth + parent.frames.count
    pushFrame()
  }

  /// The keys and indices that lead to the value under way.
  var codingPath: [any CodingKey] {
    var result = path
    for index in 0..<frames.count {
      let entriesEnd = index + 1 < frames.count ? frames[index + 1].firstEntry : entries.count
      switch frames[index].kind {
      case .keyed:
        guard entriesEnd > frames[index].firstEntry else { break }
        result.append(CBORPathKey(stringValue: keyText(of: entries[entriesEnd - 1])))
      case .unkeyed:
        guard frames[index].count > 0 else { break }
        result.append(CBORPathKey(intValue: frames[index].count - 1))
      case .undecided, .single, .byteString, .sortedElements, .sortedPairs:
        break
      }
    }
    return result
  }

  /// The whole encoding of `value`.
  static func encode<Value: Encodable>(
    _ value: Value, userInfo: [CodingUserInfoKey: any Sendable]
  ) throws -> [UInt8] {
    let writer = CBORWriter(userInfo: userInfo)
    try writer.write(value)
    if let failure = writer.failure { throw failure }
    return [UInt8](UnsafeBufferPointer(start: writer.bytes.base, count: writer.bytes.count))
  }
}

// MARK: - Values and their frames

extension CBORWriter {
  /// Writes any value: those with a form of their own directly, any other through its `encode(to:)`.
  func write<Value: Encodable>(_ value: Value) throws {
    guard depth + frames.count < CBORLimits.nesting else {
      throw CodingFailure(
        .tooDeep, "values lie more than \(CBORLimits.nesting) deep in one another",
        path: codingPath.joinedPath)
    }
    if writeDirectly(value) { return }
    pushFrame()
    if let unordered = unorderedForm(of: value) {
      try unordered.encodeSorted(into: self)
    } else {
      try value.encode(to: CBOREncoding(writer: self, serial: frames[frames.count - 1].serial))
    }
    try closeFrame()
  }

  private func unorderedForm<Value: Encodable>(of value: Value) -> (any CBORUnorderedEncodable)? {
    guard lastOrderedType != ObjectIdentifier(Value.self) else { return nil }
    if let type = Value.self as? any CBORUnorderedEncodable.Type, type.isUnordered {
      return value as? any CBORUnorderedEncodable
    }
    lastOrderedType = ObjectIdentifier(Value.self)
    return nil
  }

  private func pushFrame() {
    frames.append(
      Frame(start: bytes.count, firstEntry: entries.count, firstChild: children.count, serial: nextSerial))
    nextSerial &+= 1
  }

  private func closeFrame() throws {
    let frame = frames[frames.count - 1]
    switch frame.kind {
    case .undecided:
      bytes.append(CBORByte.emptyMap)
    case .single:
      break
    case .keyed:
      let count = entries.count - frame.firstEntry
      try arrangeEntries(of: frame)
      setHead(CBORMajor.map, UInt64(count), at: frame.start)
    case .unkeyed, .sortedElements, .sortedPairs:
      try arrangeEntries(of: frame)
      setHead(CBORMajor.array, UInt64(frame.count), at: frame.start)
    case .byteString:
      setHead(CBORMajor.bytes, UInt64(bytes.count - frame.start - 1), at: frame.start)
    }
    entries.truncate(to: frame.firstEntry)
    if children.count > frame.firstChild { children.removeSubrange(frame.firstChild...) }
    frames.truncate(to: frames.count - 1)
  }

  /// Sets a container's head where one byte was kept for it, and makes room if it takes more.
  private func setHead(_ major: UInt8, _ argument: UInt64, at start: Int) {
    let head = CBORHead(major, argument)
    if head.byteCount > 1 { bytes.insertGap(of: head.byteCount - 1, at: start + 1) }
    for index in 0..<head.byteCount { bytes[start + index] = head[index] }
  }
}

// MARK: - What containers write

extension CBORWriter {
  /// Makes the value under way a container of `kind`; asking again for the same kind goes on with the same
  /// container.
  func open(_ kind: Frame.Kind, serial: Int) {
    guard isCurrent(serial) else { return fail("an encoder was used after its encode(to:) had returned") }
    let top = frames.count - 1
    if frames[top].kind == kind || (frames[top].kind, kind) == (.byteString, .unkeyed) { return }
    guard frames[top].kind == .undecided else { return fail("a value asked for containers of two kinds") }
    frames[top].kind = kind
    bytes.append(0)
  }

  /// Starts the one value of a single-value container.
  func beginSingle(serial: Int) throws {
    try requireCurrent(serial)
    guard frames[frames.count - 1].kind == .undecided else {
      throw misuse("a value was encoded twice in its place")
    }
    frames[frames.count - 1].kind = .single
  }

  /// Starts a map's entry: its key. The value must follow.
  @inline(__always)
  func beginEntry(_ key: some CodingKey, serial: Int) throws {
    try requireCurrent(serial)
    let start = bytes.count
    write(key.stringValue)
    entries.append(Entry(start: start, keyLength: bytes.count - start))
  }

  /// Starts an array's element.
  @inline(__always)
  func beginElement(serial: Int) throws {
    try requireCurrent(serial)
    let top = frames.count - 1
    if frames[top].kind == .byteString { unrollByteString() }
    frames[top].count += 1
  }

  /// Elements that come as bytes in one go, and before all others, are a byte string: so Foundation's `Data`
  /// encodes itself. If more elements follow, it becomes an array after all.
  func append<Bytes: Sequence<UInt8>>(elements: Bytes, serial: Int) throws {
    try requireCurrent(serial)
    let top = frames.count - 1
    if frames[top].kind == .unkeyed && frames[top].count == 0 { frames[top].kind = .byteString }
    let isByteString = frames[top].kind == .byteString
    for byte in elements {
      frames[top].count += 1
      if isByteString { bytes.append(byte) } else { write(integer: byte) }
    }
  }

  /// How many elements the array under way has.
  func elementCount(serial: Int) -> Int {
    isCurrent(serial) ? frames[frames.count - 1].count : 0
  }

  private func unrollByteString() {
    let frame = frames[frames.count - 1]
    frames[frames.count - 1].kind = .unkeyed
    let elements = [UInt8](UnsafeBufferPointer(start: bytes.base + frame.start + 1, count: frame.count))
    bytes.truncate(to: frame.start + 1)
    for element in elements { write(integer: element) }
  }

  /// Runs what writes one value, and forgets all of it if it throws: its caller may catch the error and go
  /// on.
  @inline(__always)
  func undoingOnFailure(serial: Int, _ body: () throws -> Void) throws {
    try requireCurrent(serial)
    if frames[frames.count - 1].kind == .byteString { unrollByteString() }
    let mark = (bytes: bytes.count, entries: entries.count, frames: frames.count, children: children.count)
    let frame = frames[mark.frames - 1]
    do {
      try body()
    } catch {
      bytes.truncate(to: mark.bytes)
      entries.truncate(to: mark.entries)
      frames.truncate(to: mark.frames)
      frames[mark.frames - 1] = frame
      children.removeSubrange(mark.children...)
      throw error
    }
  }

  @inline(__always)
  private func isCurrent(_ serial: Int) -> Bool {
    frames.count > 0 && frames[frames.count - 1].serial == serial
  }

  @inline(__always)
  private func requireCurrent(_ serial: Int) throws {
    guard isCurrent(serial) else {
      throw misuse("a container was used while a value in it was being encoded, or after its encode(to:)")
    }
  }

  func misuse(_ message: String) -> CodingFailure {
    CodingFailure(.invalidValue, message, path: codingPath.joinedPath)
  }

  private func fail(_ message: String) {
    if failure == nil { failure = misuse(message) }
  }
}

// MARK: - Children

extension CBORWriter {
  /// An encoder for the value of a new entry.
  func child(forKey key: some CodingKey, serial: Int) -> CBOREncoding {
    guard isCurrent(serial) else { return orphan() }
    let start = bytes.count
    write(key.stringValue)
    entries.append(Entry(start: start, keyLength: bytes.count - start, child: children.count))
    return adopt()
  }

  /// An encoder for a new element.
  func childElement(serial: Int) -> CBOREncoding {
    guard isCurrent(serial), (try? beginElement(serial: serial)) != nil else { return orphan() }
    entries.append(Entry(start: bytes.count, keyLength: 0, child: children.count))
    return adopt()
  }

  private func adopt() -> CBOREncoding {
    let child = CBORWriter(childOf: self, path: codingPath)
    if child.depth >= CBORLimits.nesting {
      failure = CodingFailure(
        .tooDeep, "values lie more than \(CBORLimits.nesting) deep in one another",
        path: codingPath.joinedPath)
    }
    children.append(child)
    return CBOREncoding(writer: child, serial: 0)
  }

  /// An encoder whose output is dropped, for a caller that cannot be told otherwise.
  private func orphan() -> CBOREncoding {
    fail("a container was used while a value in it was being encoded, or after its encode(to:)")
    return CBOREncoding(writer: CBORWriter(childOf: self, path: codingPath), serial: 0)
  }

  /// Closes what is open, so that the bytes are whole.
  func finish() throws {
    if frames.count > 0 { try closeFrame() }
    if let failure { throw failure }
  }
}
