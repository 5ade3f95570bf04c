import CairnKV

/// What can be known of what a store consists of.
struct SalvagedManifest {
  /// The state after the last edit that could be read.
  let state: VersionState?
  /// Why no further edit could be; `nil` when the manifest is whole.
  let damage: StorageError?

  init(in directory: StoreDirectory) throws(StorageError) {
    var state: VersionState?
    do throws(StorageError) {
      let path = directory.path(of: .manifest)
      guard try directory.fileSystem.information(at: path) != nil else {
        throw StorageError(.corruption, "the manifest is missing", file: path)
      }
      let reader = try FrameReader(try directory.open(.manifest, .read), purpose: .manifest)
      while let frame = try reader.next() {
        if frame.header.kind == .seal { continue }
        guard let edit = VersionEdit(decoding: frame.payload),
          var next = state ?? VersionState(before: edit, in: reader.header), next.apply(edit)
        else {
          throw StorageError(
            .corruption, "the manifest holds an edit that contradicts the ones before it", file: path,
            offset: frame.header.offset)
        }
        state = next
      }
      if state == nil { throw StorageError(.corruption, "the manifest holds nothing", file: path) }
    } catch {
      guard error.isDamage else { throw error }
      self.state = state
      damage = error
      return
    }
    self.state = state
    damage = nil
  }
}
