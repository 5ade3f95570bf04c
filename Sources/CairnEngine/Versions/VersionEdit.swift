import CairnKV

/// One change to what a store consists of: the payload of a manifest frame.
///
/// Encoded as a sequence of fields, each a tag byte and its content. Normative in format-spec.md, "Manifest".
struct VersionEdit: Equatable {
  /// A segment with the level that it belongs to.
  struct AddedSegment: Equatable {
    var level: Int
    var properties: SegmentProperties
  }

  /// Logs that recovery must find from now on.
  var addedLogs: [UInt64] = []
  /// Logs with lower numbers are needed no more.
  var oldestLog: UInt64?
  /// Where the newest log ended, which is written no more. Since ``FormatVersion/two``.
  var logEnd: FrameFileHeader.End?
  var addedSegments: [AddedSegment] = []
  var removedSegments: [UInt64] = []
  /// Value files, and what is live of the origins that are new.
  var addedValueFiles: [ValueFileProperties] = []
  var addedOrigins: [ValueLiveness] = []
  /// Value files in whose place added ones come. One with nothing live goes without being named.
  var removedValueFiles: [UInt64] = []
  /// The records that nothing refers to any more, at most one element for an origin.
  var valueDrops: [ValueDrops] = []
  /// Every sequence number up to this one may have been used.
  var lastSequence: UInt64?
  /// Every file number below this one may have been used.
  var nextFileNumber: UInt64?
  /// Random, given at the store's creation. Only in the first edit of a manifest.
  var storeIdentity: [UInt8]?

  private enum Tag: UInt8 {
    case addedLog = 1
    case oldestLog = 2
    case addedSegment = 3
    case removedSegment = 4
    case lastSequence = 5
    case nextFileNumber = 6
    case storeIdentity = 7
    case addedValueFile = 8
    case removedValueFile = 9
    case addedOrigin = 10
    case valueDrops = 11
    case logEnd = 12
  }

  static let identityBytes = 16

  /// For a store that there was not before.
  static func newIdentity(_ random: any RandomSource) -> [UInt8] {
    var identity: [UInt8] = []
    for _ in 0..<identityBytes / 8 { identity.append(littleEndian: random.next()) }
    return identity
  }

  static let levelCount = 7
  private static let longestPropertiesBytes = 4 * StorageLimits.keyBytes

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    func append(_ tag: Tag, _ number: UInt64) {
      bytes.append(tag.rawValue)
      bytes.append(varint: number)
    }
    if let storeIdentity {
      bytes.append(Tag.storeIdentity.rawValue)
      bytes.append(contentsOf: storeIdentity)
    }
    for number in addedLogs { append(.addedLog, number) }
    if let oldestLog { append(.oldestLog, oldestLog) }
    for number in removedSegments { append(.removedSegment, number) }
    for segment in addedSegments {
      append(.addedSegment, UInt64(segment.level))
      bytes.append(varint: segment.properties.fileBytes)
      bytes.append(varint: segment.properties.sequenceBase)
      bytes.append(lengthPrefixed: segment.properties.encoded())
    }
    func append(_ tag: Tag, _ content: [UInt8]) {
      bytes.append(tag.rawValue)
      bytes.append(lengthPrefixed: content)
    }
    for number in removedValueFiles { append(.removedValueFile, number) }
    for liveness in addedOrigins { append(.addedOrigin, liveness.encoded()) }
    for file in addedValueFiles { append(.addedValueFile, file.encoded()) }
    for drops in valueDrops { append(.valueDrops, drops.encoded()) }
    if let lastSequence { append(.lastSequence, lastSequence) }
    if let nextFileNumber { append(.nextFileNumber, nextFileNumber) }
    if let logEnd {
      append(.logEnd, logEnd.number)
      bytes.append(varint: logEnd.offset)
      bytes.append(littleEndian: logEnd.checksum)
    }
    return bytes
  }

  /// `nil` when the bytes are no edit that this program would write.
  init?(decoding bytes: UnsafeRawBufferPointer) {
    var reader = ByteReader(bytes)
    while let tagNumber = reader.readInteger(UInt8.self) {
      guard let tag = Tag(rawValue: tagNumber) else { return nil }
      switch tag {
      case .storeIdentity:
        guard let identity = reader.readBytes(Self.identityBytes), storeIdentity == nil else { return nil }
        storeIdentity = [UInt8](identity)
        continue
      case .addedValueFile, .addedOrigin, .valueDrops:
        guard let content = reader.readLengthPrefixed(limit: bytes.count), decode(tag, content) else {
          return nil
        }
        continue
      default: break
      }
      guard let number = reader.readVarint() else { return nil }
      switch tag {
      case .addedLog: addedLogs.append(number)
      case .oldestLog: oldestLog = number
      case .removedSegment: removedSegments.append(number)
      case .removedValueFile: removedValueFiles.append(number)
      case .logEnd:
        guard logEnd == nil, let offset = reader.readVarint(), let checksum = reader.readInteger(UInt32.self)
        else { return nil }
        logEnd = .init(number: number, offset: offset, checksum: checksum)
      case .lastSequence: lastSequence = number
      case .nextFileNumber: nextFileNumber = number
      case .addedSegment:
        guard number < UInt64(Self.levelCount), let fileBytes = reader.readVarint(),
          let sequenceBase = reader.readVarint(),
          let encoded = reader.readLengthPrefixed(limit: Self.longestPropertiesBytes),
          let properties = SegmentProperties(encoded, fileBytes: fileBytes, sequenceBase: sequenceBase)
        else { return nil }
        addedSegments.append(AddedSegment(level: Int(number), properties: properties))
      case .storeIdentity, .addedValueFile, .addedOrigin, .valueDrops: return nil
      }
    }
    guard reader.isAtEnd else { return nil }
  }

  /// A field about value files; `false` when its content is not what it should be.
  private mutating func decode(_ tag: Tag, _ content: UnsafeRawBufferPointer) -> Bool {
    switch tag {
    case .addedValueFile:
      guard let file = ValueFileProperties(decoding: content) else { return false }
      addedValueFiles.append(file)
    case .addedOrigin:
      guard let liveness = ValueLiveness(decoding: content) else { return false }
      addedOrigins.append(liveness)
    default:
      guard let drops = ValueDrops(decoding: content) else { return false }
      valueDrops.append(drops)
    }
    return true
  }

  init() {}
}

/// What a store consists of, as all edits so far say.
struct VersionState: Equatable {
  var storeIdentity: [UInt8]
  /// Decides which fields an edit may have.
  var formatVersion: FormatVersion
  /// Ascending.
  var logs: [UInt64] = []
  /// Where the newest log ended, if it is written no more.
  private(set) var logEnd: FrameFileHeader.End?
  private(set) var levels: [[SegmentProperties]] = Array(repeating: [], count: VersionEdit.levelCount)
  private var levelOfSegment: [UInt64: Int] = [:]
  private(set) var values = ValueCatalog()
  var lastSequence: UInt64 = 0
  var nextFileNumber: UInt64 = 1

  /// No store gets here by counting; and whoever counts on from here need not fear an overflow.
  static let greatestFileNumber = UInt64.max / 2

  init(storeIdentity: [UInt8], formatVersion: FormatVersion = .newest) {
    self.storeIdentity = storeIdentity
    self.formatVersion = formatVersion
  }

  /// Lists one log in the place of all, or none.
  /// - Parameter end: where it ends; `nil` when there is none.
  mutating func replaceLogs(with end: FrameFileHeader.End?, number: UInt64) {
    logs = end == nil ? [] : [number]
    logEnd = formatVersion >= .two ? end : nil
  }

  /// Lists a log that is newer than all there are.
  mutating func add(log number: UInt64) {
    logs.append(number)
    logEnd = nil
  }

  /// Applies an edit; `false`, with the state unusable, when the edit contradicts it.
  mutating func apply(_ edit: VersionEdit) -> Bool {
    if let identity = edit.storeIdentity, identity != storeIdentity { return false }
    for number in edit.addedLogs {
      if let newest = logs.last, number <= newest { return false }
      add(log: number)
    }
    if let oldest = edit.oldestLog { logs.removeAll { $0 < oldest } }
    if let end = edit.logEnd {
      guard formatVersion >= .two, end.number == logs.last, end.offset >= UInt64(FrameFile.pageBytes) else {
        return false
      }
      logEnd = end
    }
    let removed = Set(edit.removedSegments)
    guard removed.count == edit.removedSegments.count else { return false }
    for level in Set(removed.compactMap { levelOfSegment[$0] }) {
      levels[level].removeAll { removed.contains($0.fileNumber) }
    }
    for number in removed {
      guard levelOfSegment.removeValue(forKey: number) != nil else { return false }
    }
    for segment in edit.addedSegments {
      let number = segment.properties.fileNumber
      guard levelOfSegment.updateValue(segment.level, forKey: number) == nil else { return false }
      levels[segment.level].append(segment.properties)
    }
    for level in Set(edit.addedSegments.map(\.level)) {
      guard sortAndCheck(level) else { return false }
    }
    guard values.apply(edit) else { return false }
    lastSequence = max(lastSequence, edit.lastSequence ?? 0)
    nextFileNumber = max(nextFileNumber, edit.nextFileNumber ?? 0)
    guard lastSequence < EntryTrailer.firstOwnSequence, nextFileNumber <= Self.greatestFileNumber else {
      return false
    }
    return edit.addedSegments.allSatisfy { $0.properties.largestSequence <= lastSequence }
  }

  /// The whole state as the one edit that a fresh manifest begins with.
  func snapshotEdit() -> VersionEdit {
    var edit = VersionEdit()
    edit.storeIdentity = storeIdentity
    edit.addedLogs = logs
    edit.addedSegments = levels.enumerated().flatMap { level, segments in
      segments.map { VersionEdit.AddedSegment(level: level, properties: $0) }
    }
    edit.addedValueFiles = values.files.values.sorted { $0.fileNumber < $1.fileNumber }
    edit.addedOrigins = values.liveness.values.sorted { $0.origin < $1.origin }
    edit.lastSequence = lastSequence
    edit.nextFileNumber = nextFileNumber
    edit.logEnd = logEnd
    return edit
  }

  /// Level 0 newest first; the others by key, and no two segments of one level share a key.
  private mutating func sortAndCheck(_ level: Int) -> Bool {
    if level == 0 {
      levels[0].sort { ($0.largestSequence, $0.fileNumber) > ($1.largestSequence, $1.fileNumber) }
      return true
    }
    levels[level].sort { $0.lowerBound.lexicographicallyPrecedes($1.lowerBound) }
    return zip(levels[level], levels[level].dropFirst()).allSatisfy { $0.upperBound.isBefore($1.lowerBound) }
  }
}

extension VersionState {
  /// What a manifest's first edit is applied to; `nil` when it cannot be the first, or the version is none.
  init?(before edit: VersionEdit, in header: FrameFileHeader) {
    guard let identity = edit.storeIdentity, let version = FormatVersion(rawValue: header.formatVersion)
    else {
      return nil
    }
    self.init(storeIdentity: identity, formatVersion: version)
  }
}

extension SegmentProperties.UpperBound {
  /// Whether `key` lies past the bound.
  func isBefore(_ key: [UInt8]) -> Bool { key.withUnsafeBytes { isBefore($0) } }

  /// Whether `key` lies past the bound.
  @inline(__always)
  func isBefore(_ key: UnsafeRawBufferPointer) -> Bool {
    switch self {
    case .inclusive(let bound): bound.withUnsafeBytes { EntryOrder.compare($0, key) < 0 }
    case .exclusive(let bound): bound.withUnsafeBytes { EntryOrder.compare($0, key) <= 0 }
    case .unbounded: false
    }
  }
}

extension SegmentProperties {
  /// Whether `key` lies within the bounds.
  @inline(__always)
  func mayContain(_ key: UnsafeRawBufferPointer) -> Bool {
    lowerBound.withUnsafeBytes { EntryOrder.compare($0, key) <= 0 } && !upperBound.isBefore(key)
  }

  /// Whether `key` lies within the bounds.
  func mayContain(_ key: [UInt8]) -> Bool { key.withUnsafeBytes { mayContain($0) } }

  /// Whether the bounds touch `[lower, upper)`.
  func overlaps(_ range: KeyRange) -> Bool {
    if let upper = range.upper {
      let startsBefore = lowerBound.withUnsafeBytes { lower in
        upper.withUnsafeBytes { EntryOrder.compare(lower, $0) < 0 }
      }
      guard startsBefore else { return false }
    }
    return !upperBound.isBefore(range.lower)
  }

  /// Whether some key can lie within the bounds of both.
  func overlaps(_ other: SegmentProperties) -> Bool {
    !upperBound.isBefore(other.lowerBound) && !other.upperBound.isBefore(lowerBound)
  }
}
