import CairnKV

/// Reads of single keys.
///
/// What is found stands in a memtable, which `state` keeps, or in a block, which the ``PointLookup`` keeps:
/// both must be held until the last look at it.
extension ReadView {
  /// What the newest source that knows of `key` says about it: the sources are looked through from the newest
  /// to the oldest, and the first that has anything on it decides.
  func find(_ key: UnsafeRawBufferPointer) throws(StorageError) -> PointLookup? {
    guard key.count <= StorageLimits.keyBytes else {
      throw StorageError(.keyTooLong, "a key of \(key.count) bytes; the longest is \(StorageLimits.keyBytes)")
    }
    if let found = Self.find(key, in: state.active, visibleAt: snapshot) { return found }
    if !state.sealed.isEmpty {
      for memtable in state.sealed {
        if let found = Self.find(key, in: memtable, visibleAt: snapshot) { return found }
      }
    }
    let hash = KeyHash.hash(key)
    return try state.version.table.firstFound(key) { (segment, isLast) throws(StorageError) in
      try find(key, hash, in: segment, isLast: isLast)
    }
  }

  func find(_ key: [UInt8]) throws(StorageError) -> PointLookup? {
    try withBytes(of: key) { (key) throws(StorageError) in try find(key) }
  }

  /// What a memtable says about a key, if anything.
  @inline(__always)
  static func find(
    _ key: UnsafeRawBufferPointer, in memtable: Memtable, visibleAt sequence: UInt64
  ) -> PointLookup? {
    let covered =
      memtable.rangeRemovalCount == 0 ? 0 : memtable.rangeRemovals.newestCovering(key, visibleAt: sequence)
    return newer(memtable.find(key, visibleAt: sequence), coveredBy: covered)
  }

  @inline(__always)
  private func find(
    _ key: UnsafeRawBufferPointer, _ hash: UInt64, in segment: SegmentFile, isLast: Bool
  ) throws(StorageError) -> PointLookup? {
    if !segment.hasRangeRemovals {
      return try segment.find(key, hash: hash, visibleAt: snapshot, isLast: isLast)
    }
    let reader = try segment.reader()
    let covered = reader.removals.newestCovering(key, visibleAt: snapshot)
    return Self.newer(try reader.find(key, hash: hash, visibleAt: snapshot), coveredBy: covered)
  }

  @inline(__always)
  private static func newer(_ found: PointLookup?, coveredBy removal: UInt64) -> PointLookup? {
    if removal == 0 { return found }
    if let found, found.sequence > removal { return found }
    return PointLookup(removedAt: removal)
  }

  // MARK: What is found

  /// A copy of the value that was found.
  func copy(_ found: PointLookup?) throws(StorageError) -> [UInt8]? {
    defer { withExtendedLifetime((found, state)) {} }
    return switch try found?.meaning {
    case .value(let value): [UInt8](value)
    case .handle(let handle): try state.version.read(handle)
    case .removed, nil: nil
    }
  }

  /// Lends the value that was found. One in a value file is read whole for it.
  func lend(_ found: PointLookup?, to body: (RawSpan?) -> Void) throws(StorageError) {
    defer { withExtendedLifetime((found, state)) {} }
    switch try found?.meaning {
    case .value(let value): body(value.bytes)
    case .handle(let handle): try state.version.read(handle).withUnsafeBytes { body($0.bytes) }
    case .removed, nil: body(nil)
    }
  }

  func length(of found: PointLookup?) throws(StorageError) -> Int? {
    switch try found?.meaning {
    case .value(let value): value.count
    // At most 2^30.
    case .handle(let handle): Int(truncatingIfNeeded: handle.rawBytes)
    case .removed, nil: nil
    }
  }

  /// A part of the value that was found.
  func copy(_ range: Range<Int>, of found: PointLookup?) throws(StorageError) -> [UInt8]? {
    defer { withExtendedLifetime((found, state)) {} }
    guard let length = try length(of: found) else { return nil }
    guard range.lowerBound >= 0, range.upperBound <= length else {
      throw StorageError(
        .invalidArgument, "the bytes \(range) do not lie within a value of \(length) bytes")
    }
    return switch try found?.meaning {
    case .value(let value): [UInt8](UnsafeRawBufferPointer(rebasing: value[range]))
    case .handle(let handle):
      try state.version.reader(of: handle).read(
        handle, range: UInt64(range.lowerBound)..<UInt64(range.upperBound))
    case .removed, nil: nil
    }
  }

  func forEachPiece(
    of found: PointLookup?, _ body: (RawSpan) -> ScanStep
  ) throws(StorageError) -> Bool {
    defer { withExtendedLifetime((found, state)) {} }
    switch try found?.meaning {
    case .value(let value):
      if !value.isEmpty { _ = body(value.bytes) }
      return true
    case .handle(let handle):
      try state.version.reader(of: handle).forEachPiece(handle) { body($0.bytes) }
      return true
    case .removed, nil: return false
    }
  }
}
