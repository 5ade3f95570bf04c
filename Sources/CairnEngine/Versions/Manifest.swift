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
    /// Why it is not known which file bears the manifest's name.
    var failure: StorageError?
  }

  private let directory: StoreDirectory
  private let random: any RandomSource
  private let buffer = FrameBuffer()
  private let contents: Mutex<Contents>

  /// Edits are appended until they take this much and several times what the snapshot takes.
  private let leastRolloverBytes: UInt64
  private static let rolloverFactor: UInt64 = 4

  /// Writes a new manifest that begins with `state`, in place of the one that is there, durably.
  init(
    replacingWith state: VersionState, directory: StoreDirectory, random: any RandomSource,
    leastRolloverBytes: UInt64
  ) throws(StorageError) {
    self.directory = directory
    self.leastRolloverBytes = leastRolloverBytes
    self.random = random
    let writer = try Self.write(state, generation: 1, directory: directory, random: random, buffer: buffer)
    try Self.putInPlace(directory)
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
      let damage = StorageError(
        .corruption,
        "the manifest holds an edit that contradicts the ones before it; restore it from a backup",
        file: path, offset: frame.header.offset)
      guard let edit = VersionEdit(decoding: frame.payload) else { throw damage }
      var next: VersionState
      if let state {
        next = state
      } else {
        guard let identity = edit.storeIdentity else { throw damage }
        next = VersionState(storeIdentity: identity)
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
  /// After an error from the disk every later call throws too: whether the edit is there is not known.
  func apply(_ edit: VersionEdit) throws(StorageError) {
    try contents.withLock { (contents) throws(StorageError) in
      if let failure = contents.failure { throw failure }
      var next = contents.state
      guard next.apply(edit) else {
        throw StorageError(
          .invalidArgument, "the edit contradicts the manifest", file: directory.path(of: .manifest))
      }
      let payload = edit.encoded()
      buffer.removeAll()
      payload.withUnsafeBytes { buffer.append($0) }
      try contents.writer.append(.edit, firstSequence: next.lastSequence, batchCount: 1)
      try contents.writer.synchronize()
      contents.state = next
      let limit = max(leastRolloverBytes, contents.snapshotEnd * Self.rolloverFactor)
      if contents.writer.end.offset > limit { try rollOver(&contents) }
    }
  }

  /// Whether an edit failed to reach the disk: then no other can be made.
  var hasFailed: Bool { contents.withLock { $0.writer.hasFailed || $0.failure != nil } }

  /// What the store consists of.
  var state: VersionState { contents.withLock { $0.state } }

  /// Begins a new file. While that cannot be written the one in use simply grows: the edit that led here is
  /// durable. But once it may have taken the place of the old one nothing more can be appended to either.
  private func rollOver(_ contents: inout sending Contents) throws(StorageError) {
    let generation = contents.writer.header.number + 1
    let written = try? Self.write(
      contents.state, generation: generation, directory: directory, random: random, buffer: buffer)
    guard let writer = written else { return }
    do throws(StorageError) {
      try Self.putInPlace(directory)
    } catch {
      contents.failure = error
      throw error
    }
    contents.writer = writer
    contents.snapshotEnd = writer.end.offset
  }

  private static func putInPlace(_ directory: StoreDirectory) throws(StorageError) {
    try directory.rename(.newManifest, to: .manifest)
    try directory.synchronize()
  }

  /// Writes a manifest under the new one's name, durably but for the name.
  private static func write(
    _ state: VersionState, generation: UInt64, directory: StoreDirectory, random: any RandomSource,
    buffer: FrameBuffer
  ) throws(StorageError) -> FrameWriter {
    if try directory.fileSystem.information(at: directory.path(of: .newManifest)) != nil {
      try directory.remove(.newManifest)
    }
    let file = try directory.open(.newManifest, .create)
    let header = FrameFileHeader(
      purpose: .manifest, number: generation, salt: random.next(), predecessor: nil)
    let page = header.encoded()
    try withBytes(of: page) { (bytes) throws(StorageError) in try file.write(bytes, at: 0) }
    let writer = FrameWriter(
      file, header: header, headerChecksum: page.withUnsafeBytes { FrameFileHeader.checksum(ofEncoded: $0) },
      capacity: 0, buffer: buffer)
    let payload = state.snapshotEdit().encoded()
    buffer.removeAll()
    payload.withUnsafeBytes { buffer.append($0) }
    try writer.append(.edit, firstSequence: state.lastSequence, batchCount: 1)
    try writer.synchronize()
    return writer
  }
}
