import CairnKV

/// Which segments there are to read, and their range removals, which have to be known before any entry is
/// looked at.
struct SalvagedSegments {
  private(set) var segments: [SegmentProperties] = []
  private(set) var removals: [RangeTombstone] = []
  private let directory: StoreDirectory
  private let findings: RepairFindings
  private let decompressor: BlockDecompressor

  init(_ directory: StoreDirectory, _ findings: RepairFindings, _ decompressor: BlockDecompressor) {
    self.directory = directory
    self.findings = findings
    self.decompressor = decompressor
  }

  /// Takes those that a manifest lists which is whole. One that is missing is found so when its entries are
  /// read.
  mutating func take(listed: [SegmentProperties]) throws(StorageError) {
    for segment in listed { try take(segment) }
  }

  /// Takes all that are in the directory, by what they say of themselves.
  /// - Parameter known: what is left of the manifest said.
  mutating func take(
    found entries: [StoreDirectory.Entry], known: [SegmentProperties]
  ) throws(StorageError) {
    let known = Dictionary(known.map { ($0.fileNumber, $0) }) { first, _ in first }
    for case .segment(let number) in entries {
      let own: SegmentProperties
      do throws(StorageError) {
        own = try properties(of: number)
      } catch {
        guard error.isDamage else { throw error }
        if try isCopy(number, among: entries) { continue }
        // Of what the manifest knew, the range is known at least.
        if let listed = known[number] {
          try take(listed)
        } else {
          findings.lose(.segment, error, range: .all, lastSequence: nil)
        }
        continue
      }
      if let listed = known[number], own.rebased(by: listed.sequenceBase) == listed {
        try take(listed)
      } else {
        noteUnknownOrder(of: own)
        try take(own)
      }
    }
  }

  /// Whether a file is a copy of another segment that is there.
  private func isCopy(_ number: UInt64, among entries: [StoreDirectory.Entry]) throws(StorageError) -> Bool {
    do throws(StorageError) {
      let file = try directory.open(.segment(number), .read)
      let size = try file.size()
      let footer = OwnedBytes(count: SegmentFormat.footerBytes)
      guard size >= UInt64(SegmentFormat.footerBytes),
        try file.read(into: footer.memory, at: size - UInt64(SegmentFormat.footerBytes))
          == footer.memory.count
      else { return false }
      let own = UInt64(littleEndian: footer.memory.loadUnaligned(as: UInt64.self))
      guard own != number, entries.contains(.segment(own)) else { return false }
      _ = try SegmentParts.readFooter(file, fileBytes: size, fileNumber: own)
      return true
    } catch {
      guard error.isDamage else { throw error }
      return false
    }
  }

  /// An ingest's segments count their sequence numbers from the ingest's own, which stands in the manifest
  /// alone.
  private func noteUnknownOrder(of segment: SegmentProperties) {
    let isRelative = segment.largestSequence <= 2 && segment.entryCount > segment.largestSequence
    guard isRelative else { return }
    findings.lose(
      .order,
      StorageError(
        .corruption, "the segment is an ingest's, and when that was only the manifest knew",
        file: directory.path(of: .segment(segment.fileNumber))), range: segment.range, lastSequence: nil)
  }

  private mutating func take(_ segment: SegmentProperties) throws(StorageError) {
    segments.append(segment)
    findings.note(lastSequence: segment.largestSequence)
    guard segment.tombstoneCount > 0 else { return }
    do throws(StorageError) {
      removals += try rangeRemovals(of: segment)
    } catch {
      guard error.isDamage else { throw error }
      findings.lose(
        .rangeRemovals, error, range: segment.range, firstSequence: segment.smallestSequence,
        lastSequence: segment.largestSequence)
    }
  }

  private func properties(of number: UInt64) throws(StorageError) -> SegmentProperties {
    let (file, footer) = try open(number)
    let bytes = try StoredBlock.read(
      footer.properties, of: file, identity: footer.identity, decompressor: decompressor,
      whatItHolds: "properties")
    let properties = SegmentProperties(
      UnsafeRawBufferPointer(bytes.memory), fileBytes: try file.size())
    guard let properties, properties.fileNumber == number else {
      throw StorageError(
        .corruption, "the properties are malformed", file: file.path, offset: footer.properties.offset)
    }
    return properties
  }

  private func rangeRemovals(of segment: SegmentProperties) throws(StorageError) -> [RangeTombstone] {
    let (file, footer) = try open(segment.fileNumber)
    func malformed() -> StorageError {
      StorageError(
        .corruption, "the range removals are missing or malformed", file: file.path,
        offset: footer.rangeRemovals?.offset)
    }
    guard let place = footer.rangeRemovals else { throw malformed() }
    let bytes = try StoredBlock.read(
      place, of: file, identity: footer.identity, decompressor: decompressor, whatItHolds: "range removals")
    let removals = RangeRemovalBlock.decode(
      UnsafeRawBufferPointer(bytes.memory), sequenceBase: segment.sequenceBase)
    guard let removals, UInt64(removals.count) == segment.tombstoneCount else { throw malformed() }
    return removals
  }

  private func open(_ number: UInt64) throws(StorageError) -> (any File, SegmentFooter) {
    let file = try directory.open(.segment(number), .read)
    let footer = try SegmentParts.readFooter(file, fileBytes: try file.size(), fileNumber: number)
    return (file, footer)
  }
}
