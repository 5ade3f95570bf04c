import CairnKV

/// Compares the handles of all entries with the value files and with what the manifest says is live.
///
/// Handles come in the order of keys, records stand in the order of names: so handles are gathered, and of
/// each batch one value file after the other is opened. Memory: one batch, one index, and a bit for each
/// live record.
struct ReferenceVerifier {
  private struct Reference {
    var handle: ValueHandle
    var segment: UInt64
    var offset: UInt64
  }

  private let values: ValueCatalog
  private let directory: StoreDirectory
  private let run: VerificationRun
  private var live: [UInt64: LiveRecords] = [:]
  /// Origins whose file cannot be read: nothing can be said of what is referred to in them.
  private var unreadable: Set<UInt64> = []
  private var batch: [Reference] = []

  private static let batchCount = 1 << 16

  init(_ values: ValueCatalog, _ directory: StoreDirectory, _ run: VerificationRun) {
    self.values = values
    self.directory = directory
    self.run = run
  }

  /// Takes the handles of a block of a segment.
  mutating func add(_ handles: [ValueHandle], segment: UInt64, offset: UInt64) {
    for handle in handles {
      batch.append(Reference(handle: handle, segment: segment, offset: offset))
      if batch.count >= Self.batchCount { verifyBatch() }
    }
  }

  /// - Parameter isWhole: whether every handle of the store was added.
  mutating func finish(isWhole: Bool) {
    verifyBatch()
    guard isWhole else { return }
    let path = directory.path(of: .manifest)
    for (origin, liveness) in values.liveness.sorted(by: { $0.key < $1.key })
    where !unreadable.contains(origin) {
      let met = live[origin]
      run.require(
        .livenessExact,
        met?.metCount ?? 0 == liveness.liveCount && met?.metBytes ?? 0 == liveness.liveBytes, file: path,
        "of value file \(origin) \(liveness.liveCount) records with \(liveness.liveBytes) bytes are live, "
          + "but \(met?.metCount ?? 0) with \(met?.metBytes ?? 0) are referred to")
    }
  }

  private mutating func verifyBatch() {
    batch.sort { $0.handle.name < $1.handle.name }
    var open: (place: UInt64, reader: ValueFileReader?)?
    for reference in batch {
      let handle = reference.handle
      run.count(.handleRecord)
      guard let liveness = values.liveness[handle.origin], let place = values.places[handle.origin],
        liveness.isLive(handle.ordinal)
      else {
        note(.handleRecord, reference, "which the manifest does not say is live")
        continue
      }
      if open?.place != place { open = (place, reader(of: place)) }
      // A file that cannot be read is noted where it is verified, once.
      guard let reader = open?.reader else {
        unreadable.insert(handle.origin)
        continue
      }
      if (try? reader.record(handle.name))?.handle != handle {
        note(.handleRecord, reference, "which its file does not have with these lengths")
        continue
      }
      run.count(.handleUnique)
      if live[handle.origin, default: LiveRecords(liveness)].meet(handle) == false {
        note(.handleUnique, reference, "as another entry does")
      }
    }
    batch.removeAll(keepingCapacity: true)
  }

  private func reader(of place: UInt64) -> ValueFileReader? {
    guard let file = try? directory.open(.values(place), .read),
      let reader = try? ValueFileReader(file: file, fileNumber: place),
      reader.properties == values.files[place]
    else { return nil }
    return reader
  }

  private func note(_ check: VerificationCheck, _ reference: Reference, _ what: String) {
    let handle = reference.handle
    run.note(
      check, file: directory.path(of: .segment(reference.segment)), offset: reference.offset,
      "an entry refers to record \(handle.ordinal) of value file \(handle.origin), \(what)"
    )
  }
}
