public import CairnKV

extension Engine {
  /// Loads entries that come in ascending order of their keys, as many as there are, in one atomic step.
  ///
  /// The entries become files of the store directly, without passing through log and memory: for many entries
  /// (from some thousands on) this costs a fraction of what committing them does, and they are not
  /// rewritten soon. For few a commit is faster. Other commits go on while `body` runs.
  ///
  /// When it returns all entries are durable, and readers see all of them; before, and if it throws, none. It
  /// has one place in the commit order, as any commit: snapshots from before never see it, and a transaction
  /// that has read something in the range runs again. What `body` itself reads of the store is no part of
  /// that.
  ///
  /// - Parameters:
  ///   - range: Where all keys lie.
  ///   - replacing: Whether what is in the range goes at the same moment, all of it. Without, the range must
  ///     hold no key when the ingest takes effect.
  ///   - body: Appends the entries. When it throws, nothing is left of them.
  /// - Returns: what `body` returned, and the commit's position, `nil` when there was nothing to do: without
  ///   entries a replacing ingest removes the range, and any other does nothing.
  /// - Throws: what `body` threw; `.invalidArgument` when the range holds a key; `.full` and `.inputOutput` when
  ///   the files cannot be written; `.closed` when the store was closed meanwhile; `.outcomeUnknown` when
  ///   storage failed at the very moment of taking effect, `.storageFailed` when it had failed before.
  @discardableResult
  public func ingest<Result>(
    into range: KeyRange, replacing: Bool = false, _ body: (inout SortedIngest) throws -> Result
  ) throws -> Committed<Result> {
    var ingestion = try begin(range, isReplacing: replacing)
    let files = ingestion.files
    do {
      let value = try ingestion.write(output(to: files), body)
      while true {
        switch try ingestion.next() {
        case .settle: try blockUntilReport { files.whenDurable($0) }
        case .flush: try blockUntilReport { background.whenFlushed($0) }
        case .commit(let request): ingestion.note(try pipeline.commit(request))
        case .done(let position): return Committed(value: value, position: position)
        }
      }
    } catch {
      discard(files, after: error)
      throw error
    }
  }

  /// The same without blocking the calling thread.
  ///
  /// `body` writes to files on it, but waits for no sync, unless the disk is so slow that 32 files wait for theirs.
  @discardableResult
  public func ingest<Result>(
    into range: KeyRange, replacing: Bool = false, _ body: (inout SortedIngest) throws -> Result
  ) async throws -> Committed<Result> {
    var ingestion = try begin(range, isReplacing: replacing)
    let files = ingestion.files
    do {
      let value = try ingestion.write(output(to: files), body)
      while true {
        switch try ingestion.next() {
        case .settle: try await awaitReport { files.whenDurable($0) }
        case .flush: try await awaitReport { background.whenFlushed($0) }
        case .commit(let request): ingestion.note(try await pipeline.commit(request))
        case .done(let position): return Committed(value: value, position: position)
        }
      }
    } catch {
      discard(files, after: error)
      throw error
    }
  }

  private func begin(_ range: KeyRange, isReplacing: Bool) throws(StorageError) -> Ingestion {
    try tree.checkOpen()
    if let refusal = tree.directory.latch.refusal ?? lowWater.refusal(writing: 0) { throw refusal }
    try WriteBatch.check(range)
    let files = IngestFiles(tree: tree, queue: environment.scheduler.makeQueue(label: "cairn-ingest"))
    return Ingestion(
      tree, files: files, range: range, isReplacing: isReplacing, byteLimit: options.transactionLimit)
  }

  func output(to files: IngestFiles) -> SegmentOutput {
    var output = SegmentOutput(
      directory: tree.directory, random: environment.random, segmentOptions: options.ingestedSegments,
      targetBytes: options.segmentBytes, allocateFileNumber: tree.allocateFileNumber)
    output.valueThreshold = options.valueThreshold
    output.valueOptions = ValueFileOptions(compressionLevel: options.compressionLevel)
    output.valueFileBytes = Self.ingestedValueFileBytes
    output.helper = compressionThread
    output.otherFiles = files
    return output
  }

  /// As much as a rewriting puts into one file.
  private static var ingestedValueFileBytes: UInt64 { ValueRewritePlanner().outputBytes }

  /// Once the ingest may be in the manifest, only the next opening knows whether its files are needed.
  private func discard(_ files: IngestFiles, after error: any Error) {
    if (error as? StorageError)?.code == .outcomeUnknown { return }
    files.discard()
  }
}
