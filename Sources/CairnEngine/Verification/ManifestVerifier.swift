import CairnKV

/// Verifies the manifest, and tells what it says the store consists of.
struct ManifestVerifier {
  let directory: StoreDirectory
  let run: VerificationRun

  private var path: String { directory.path(of: .manifest) }

  /// The state after the last edit; `nil` when the manifest is damaged: then it is not known what the store
  /// consists of.
  func verify() -> VersionState? {
    guard let reader = open() else { return nil }
    var state: VersionState?
    var isWhole = false
    while let frame = run.attempt(.frames, file: path, { () throws(StorageError) in try reader.next() }) {
      guard let frame else {
        isWhole = true
        break
      }
      run.note(bytesRead: frame.end - frame.header.offset)
      if frame.header.kind == .seal { continue }
      guard let next = apply(frame, to: state, reader.header) else { break }
      state = next
    }
    run.require(
      .manifestSnapshot, state != nil, file: path, offset: UInt64(FrameFile.pageBytes),
      "the manifest does not begin with an edit that is the whole state")
    guard isWhole, let state else { return nil }
    verifyNumbers(of: state)
    return state
  }

  private func open() -> FrameReader? {
    let file = run.attempt(
      .manifestPresent, file: path,
      { () throws(StorageError) -> (any File)? in
        guard try directory.fileSystem.information(at: path) != nil else { return nil }
        return try directory.open(.manifest, .read)
      })
    guard let file else { return nil }
    guard let file else {
      run.note(.manifestPresent, file: path, "there is no manifest")
      return nil
    }
    let reader = run.attempt(
      .frameFileHeader, file: path, { () throws(StorageError) in try FrameReader(file, purpose: .manifest) })
    run.note(bytesRead: UInt64(FrameFile.pageBytes))
    return reader
  }

  private func apply(
    _ frame: FrameReader.Frame, to state: VersionState?, _ header: FrameFileHeader
  ) -> VersionState? {
    let offset = frame.header.offset
    let edit = VersionEdit(decoding: frame.payload)
    guard
      run.require(.manifestEdit, edit != nil, file: path, offset: offset, "the frame's payload is no edit"),
      let edit, var next = state ?? VersionState(before: edit, in: header)
    else { return nil }
    let isApplied = next.apply(edit)
    run.require(
      .manifestState, isApplied, file: path, offset: offset, "the edit contradicts the state before it")
    return isApplied ? next : nil
  }

  private func verifyNumbers(of state: VersionState) {
    let numbers = state.logs + state.levels.joined().map(\.fileNumber) + state.values.files.keys.sorted()
    for number in numbers {
      run.require(
        .numberBounds, number < state.nextFileNumber, file: path,
        "file \(number) is listed, but the next file number is \(state.nextFileNumber)")
    }
  }
}
