import CairnKV
import Synchronization

/// The list of what a store consists of, kept on disk as a frame file of edits.
///
/// One name, `MANIFEST`: a new manifest is written under another name, synced, and renamed over it, so that
/// at every moment there is exactly one, complete. Opening a store always writes a new one: what recovery
/// has read is left as it was, and nothing is ever appended behind a torn frame.
final class Manifest: Sendable {
  private struct Contents {
    var state: VersionState
    var writer: FrameWriter
    /// The length of the snapshot that the file began with.
    var snapshotEnd: UInt64
    /// Why a new manifest could not be put in the old one's place: then it is not known which of the two the
    /// name stands for, and neither may be written to.
    var failure: StorageError?
  }

  private let directory: StoreDirectory
  private let random: any RandomSource
  private let buffer = FrameBuffer()
  private let contents: Mutex<Contents>

  /// Edits are appended until they take this much and several times what the snapshot takes.
  private let leastRolloverBytes: UInt64
  static let defaultLeastRolloverBytes: UInt64 = 1 << 20
  private static let rolloverFactor: UInt64 = 4

  /// Writes a new manifest that begins with `state`, in place of the one that is there, durably.
  init(
    replacingWith state: VersionState, directory: StoreDirectory, random: any RandomSource,
    leastRolloverBytes: UInt64 = Manifest.defaultLeastRolloverBytes
  ) throws(StorageError) {
    self.directory = directory
    self.leastRolloverBytes = leastRolloverBytes
    self.random = random
    let writer = try Self.prepare(state, generation: 1, directory: directory, random: random, buffer: buffer)
    try Self.install(writer, in: directory)
    contents = Mutex(Contents(state: state, writer: writer, snapshotEnd: writer.end.offset))
  }

  /// Reads the manifest of a store. `nil` when there is none.
  static func load(from directory: StoreDirectory) throws(StorageError) -> VersionState? {
    let path = directory.path(of: .manifest)
    guard try directory.fileSystem.information(at: path) != nil else { return nil }
    let file = try directory.open(.manifest, .read)
    let reader = try FrameReader(file, purpose: .manifest)
    var state: VersionState?
    while let frame = try reader.next() {
      if frame.header.kind == .seal { continue }
      let damage = StorageError(
        .corruption,
        "the manifest holds an edit that contradicts the ones before it; restore it from a backup",
        file: path, offset: frame.header.offset)
      guard let edit = VersionEdit(decoding: frame.payload) else { throw damage }
      var next: VersionState
      if let state {
        next = state
      } else {
        guard let first = VersionState(before: edit, in: reader.header) else { throw damage }
        next = first
      }
      guard next.apply(edit) else { throw damage }
      state = next
    }
    try file.close()
    guard let state else {
      throw StorageError(
        .corruption,
        "the manifest holds nothing, although it is put in place complete; restore it from a backup",
        file: path, offset: UInt64(FrameFile.pageBytes))
    }
    return state
  }

  /// Makes an edit durable, then part of the state.
  ///
  /// The newest edit is vouched for by none after it, so that its rot looks like an edit that was never made:
  /// what it said shows otherwise, by a log or a file that is missing, or is in the logs still. Of an ingest
  /// nothing would show. So its edit is sealed.
  ///
  /// After an error from the disk every later call throws too: whether the edit is there is not known.
  func apply(_ edit: VersionEdit, sealing: Bool = false) throws(StorageError) {
    try contents.withLock { (contents) throws(StorageError) in
      if let failure = contents.failure { throw failure }
      var next = contents.state
      guard next.apply(edit) else {
        throw StorageError(
          .internalInconsistency, "the edit contradicts the manifest", file: directory.path(of: .manifest))
      }
      let payload = edit.encoded()
      buffer.removeAll()
      payload.withUnsafeBytes { buffer.append($0) }
      // A disk that is full is found here, where nothing has been done yet.
      try contents.writer.reserve(payloadBytes: payload.count + (sealing ? FrameFile.pageBytes : 0))
      do throws(StorageError) {
        try contents.writer.append(.edit, firstSequence: next.lastSequence, batchCount: 1)
        try contents.writer.synchronize()
        if sealing { try contents.writer.appendSeal(nextSequence: next.lastSequence) }
      } catch {
        directory.latch.trip(error)
        throw error
      }
      contents.state = next
      let limit = max(leastRolloverBytes, contents.snapshotEnd * Self.rolloverFactor)
      if contents.writer.end.offset > limit { try rollOver(&contents) }
    }
  }

  /// Raises the store's format version, durably. There is no way back.
  /// - Throws: `.full`, and then nothing has changed; anything else leaves the manifest as ``apply(_:sealing:)`` does.
  func ratchet(to version: FormatVersion) throws(StorageError) {
    try contents.withLock { (contents) throws(StorageError) in
      if let failure = contents.failure { throw failure }
      guard version > contents.state.formatVersion else { return }
      var next = contents.state
      next.formatVersion = version
      try replace(&contents, with: next)
    }
  }

  /// What the store consists of.
  var state: VersionState { contents.withLock { $0.state } }

  /// Begins a new manifest. The edit that was the occasion is durable already, so a disk that is merely
  /// full is no failure: the old file goes on growing, and the next edit tries again. But once the new file
  /// may have the name, there is no way back to the old one.
  private func rollOver(_ contents: inout sending Contents) throws(StorageError) {
    do throws(StorageError) {
      try replace(&contents, with: contents.state)
    } catch {
      if contents.failure != nil { throw error }
    }
  }

  /// Puts a new manifest in the place of the one that is there. A disk that is full before it has the name leaves
  /// everything as it was.
  private func replace(
    _ contents: inout sending Contents, with state: VersionState
  ) throws(StorageError) {
    let generation = contents.writer.header.number + 1
    let writer: FrameWriter
    do throws(StorageError) {
      writer = try Self.prepare(
        state, generation: generation, directory: directory, random: random, buffer: buffer)
    } catch {
      if error.code == .full { throw error }
      contents.failure = error
      directory.latch.trip(error)
      throw error
    }
    do throws(StorageError) {
      try Self.install(writer, in: directory)
    } catch {
      contents.failure = error
      directory.latch.trip(error)
      throw error
    }
    contents.state = state
    contents.writer = writer
    contents.snapshotEnd = writer.end.offset
  }

  /// Writes a whole new manifest beside the one that is there.
  private static func prepare(
    _ state: VersionState, generation: UInt64, directory: StoreDirectory, random: any RandomSource,
    buffer: FrameBuffer
  ) throws(StorageError) -> FrameWriter {
    if try directory.fileSystem.information(at: directory.path(of: .newManifest)) != nil {
      try directory.remove(.newManifest)
    }
    let file = try directory.open(.newManifest, .create)
    let header = FrameFileHeader(
      purpose: .manifest, number: generation, salt: FrameFile.salt(random, number: generation),
      predecessor: nil, formatVersion: state.formatVersion.rawValue)
    let page = header.encoded()
    try withBytes(of: page) { (bytes) throws(StorageError) in try file.write(bytes, at: 0) }
    let writer = FrameWriter(
      file, header: header, headerChecksum: page.withUnsafeBytes { FrameFileHeader.checksum(ofEncoded: $0) },
      capacity: 0, latch: directory.latch, buffer: buffer)
    let payload = state.snapshotEdit().encoded()
    buffer.removeAll()
    payload.withUnsafeBytes { buffer.append($0) }
    try writer.append(.edit, firstSequence: state.lastSequence, batchCount: 1)
    try writer.synchronize()
    return writer
  }

  /// Puts what was prepared in the place of the one that is there.
  private static func install(_ writer: FrameWriter, in directory: StoreDirectory) throws(StorageError) {
    try directory.rename(.newManifest, to: .manifest)
    try directory.synchronize()
    try writer.file.close()
    writer.continue(in: try directory.open(.manifest, .readWrite))
  }
}
