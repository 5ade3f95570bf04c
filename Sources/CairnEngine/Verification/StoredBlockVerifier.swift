import CairnKV

/// Reads the stored blocks of one segment, and says by name what is wrong with them.
struct StoredBlockVerifier {
  let file: any File
  let identity: SegmentIdentity
  let run: VerificationRun

  /// Reads a block and checks its bytes alone.
  @discardableResult
  func verifyChecksum(of place: SegmentFooter.Place, whatItHolds: String) -> Bool {
    run.attempt(
      .blockChecksum, file: file.path,
      { () throws(StorageError) -> Void in
        _ = try StoredBlock.load(place, of: file, identity: identity, whatItHolds: whatItHolds)
        run.note(bytesRead: place.storedBytes)
      }) != nil
  }

  /// What a block holds; `nil`, and it was noted, when that cannot be told.
  func payload(
    of place: SegmentFooter.Place, dictionary: DictionaryForDecompression? = nil, whatItHolds: String
  ) -> OwnedBytes? {
    let loaded = run.attempt(
      .blockChecksum, file: file.path,
      { () throws(StorageError) in
        try StoredBlock.load(place, of: file, identity: identity, whatItHolds: whatItHolds)
      })
    guard let loaded else { return nil }
    run.note(bytesRead: place.storedBytes)
    run.count(.blockPayload)
    do throws(StorageError) {
      return try StoredBlock.unfold(
        loaded, from: place, of: file, decompressor: run.decompressor, dictionary: dictionary,
        whatItHolds: whatItHolds)
    } catch {
      run.note(.blockPayload, file: file.path, offset: place.offset, error.message)
      return nil
    }
  }
}
