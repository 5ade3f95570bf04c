import CairnKV

/// Verifies one value file, chunk by chunk.
struct ValueFileVerifier {
  /// What the manifest says of it.
  let listed: ValueFileProperties
  let directory: StoreDirectory
  let run: VerificationRun

  private var path: String { directory.path(of: .values(listed.fileNumber)) }

  func verify() {
    guard let file = ListedFile(.values(listed.fileNumber), bytes: listed.fileBytes).open(in: directory, run),
      let footer = run.attempt(
        .valueFooter, file: path,
        { () throws(StorageError) in
          run.note(bytesRead: UInt64(ValueFileFormat.footerBytes))
          return try ValueFileFooter(of: file, bytes: listed.fileBytes, fileNumber: listed.fileNumber)
        }), run.depth > .structure
    else { return }
    let footerOffset = listed.fileBytes - UInt64(ValueFileFormat.footerBytes)
    let index = run.attempt(
      .valueIndex, file: path,
      { () throws(StorageError) in
        run.note(bytesRead: footerOffset - footer.indexOffset)
        return try ValueFileIndex(file: file, footer: footer, footerOffset: footerOffset)
      })
    guard let index else { return }
    var found = ValueFileProperties(fileNumber: listed.fileNumber)
    for position in 0..<index.count { found.count(index[position]) }
    run.require(
      .valueFileListed, found == listed, file: path, offset: footer.indexOffset,
      "the index holds something else than the manifest says")
    for position in 0..<index.count {
      if run.isCancelled { return }
      verify(index[position], in: file, footer.identity)
    }
  }

  private func verify(_ record: ValueRecord, in file: any File, _ identity: SegmentIdentity) {
    run.count(.valueTable)
    do throws(StorageError) {
      let contents = try StoredRecord(record, in: file, identity: identity)
      for chunk in contents.chunks { verify(chunk, of: contents) }
    } catch {
      run.note(.valueTable, file: path, offset: error.offset ?? record.offset, error.message)
    }
  }

  private func verify(_ chunk: ValueChunk, of contents: borrowing StoredRecord) {
    let stored = OwnedBytes(count: chunk.storedBytes)
    run.count(.valueChunk)
    do throws(StorageError) {
      try contents.load(chunk, into: stored.memory)
    } catch {
      return run.note(.valueChunk, file: path, offset: error.offset ?? chunk.offset, error.message)
    }
    run.note(bytesRead: UInt64(chunk.storedBytes))
    guard run.depth == .everything, chunk.isCompressed else { return }
    let raw = OwnedBytes(count: chunk.rawBytes)
    run.count(.valueChunkPayload)
    do throws(StorageError) {
      try contents.unfold(chunk, into: raw.memory, run.decompressor)
    } catch {
      run.note(.valueChunkPayload, file: path, offset: error.offset ?? chunk.offset, error.message)
    }
  }
}
