import CairnKV

/// Brings segments and value files into a backup's directory: by what an earlier backup has, by a second name, or by a
/// copy.
///
/// A file is reused only if the backup that is there lists it, since what a backup that was cut short has left may look
/// whole and not be; and only if it is the same file to its random salt.
struct BackupFiles {
  private let source: StoreDirectory
  private let target: StoreDirectory
  private let present: Set<StoreDirectory.Entry>
  private let known: VersionState?
  private var isLinking: Bool

  private static let chunkBytes = 256 << 10
  /// Footers of segments and value files are as long, and hold number, salt and checksum.
  private static let footerBytes = SegmentFormat.footerBytes

  /// - Parameters:
  ///   - present: what is in the target.
  ///   - known: what the backup consists of that is there.
  init(
    from source: StoreDirectory, to target: StoreDirectory, present: Set<StoreDirectory.Entry>,
    known: VersionState?, _ options: BackupOptions
  ) {
    self.source = source
    self.target = target
    self.present = present
    self.known = known
    isLinking = !options.copiesEverything
  }

  mutating func bring(_ state: VersionState, _ report: inout BackupReport) throws(StorageError) {
    var knownSegments: [UInt64: SegmentProperties] = [:]
    for segment in (known?.levels ?? []).joined() { knownSegments[segment.fileNumber] = segment }
    for segment in state.levels.joined() {
      try bring(
        .segment(segment.fileNumber), bytes: segment.fileBytes,
        isKnown: knownSegments[segment.fileNumber] == segment, &report)
    }
    for file in state.values.files.values.sorted(by: { $0.fileNumber < $1.fileNumber }) {
      try bring(
        .values(file.fileNumber), bytes: file.fileBytes,
        isKnown: known?.values.files[file.fileNumber] == file, &report)
    }
  }

  private mutating func bring(
    _ entry: StoreDirectory.Entry, bytes: UInt64, isKnown: Bool, _ report: inout BackupReport
  ) throws(StorageError) {
    if present.contains(entry) {
      if isKnown, try isSame(entry) { return report.reused.add(bytes: bytes) }
      try target.remove(entry)
    }
    if isLinking, try link(entry) { return report.linked.add(bytes: bytes) }
    try copy(entry, bytes: bytes)
    report.copied.add(bytes: bytes)
  }

  /// Whether the file has the same footer in both directories.
  private func isSame(_ entry: StoreDirectory.Entry) throws(StorageError) -> Bool {
    guard let footer = try footer(of: entry, in: target) else { return false }
    return try self.footer(of: entry, in: source) == footer
  }

  /// `nil` for a file that is too short to have one.
  private func footer(
    of entry: StoreDirectory.Entry, in directory: StoreDirectory
  ) throws(StorageError) -> [UInt8]? {
    let file = try directory.open(entry, .read)
    let size = try file.size()
    guard size >= UInt64(Self.footerBytes) else { return nil }
    let window = ReadWindow()
    let bytes = try window.read(
      file, at: size - UInt64(Self.footerBytes), count: Self.footerBytes, fileSize: size)
    let footer = withExtendedLifetime(window) { bytes.map { [UInt8]($0) } }
    try file.close()
    return footer
  }

  /// - Returns: `false` where there can be no second name.
  private mutating func link(_ entry: StoreDirectory.Entry) throws(StorageError) -> Bool {
    do throws(StorageError) {
      try target.fileSystem.link(source.path(of: entry), to: target.path(of: entry))
      return true
    } catch {
      switch LinkRefusal(error) {
      case .thisFile: return false
      case .everyFile:
        isLinking = false
        return false
      case nil: throw error
      }
    }
  }

  private func copy(_ entry: StoreDirectory.Entry, bytes: UInt64) throws(StorageError) {
    let input = try source.open(entry, .read)
    let output = try target.open(entry, .create)
    let window = ReadWindow()
    var offset: UInt64 = 0
    var writeback = Writeback()
    while offset < bytes {
      let count = Int(min(UInt64(Self.chunkBytes), bytes - offset))
      guard let chunk = try window.read(input, at: offset, count: count, fileSize: bytes) else {
        throw StorageError(
          .corruption, "the file has fewer bytes than the \(bytes) that the manifest says", file: input.path,
          offset: offset)
      }
      try output.write(chunk, at: offset)
      offset += UInt64(count)
      try writeback.advance(to: offset, in: output)
    }
    try target.synchronize(output)
    try output.close()
    try input.close()
  }
}
