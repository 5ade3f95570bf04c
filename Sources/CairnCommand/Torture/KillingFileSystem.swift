import CairnEngine
import CairnKV

/// A file system that ends the process at one call, before it, after it or in the midst of it, and passes on
/// all others.
struct KillingFileSystem: FileSystem {
  let base: any FileSystem
  let killSwitch: KillSwitch

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    let file = try killSwitch.around(.open) { () throws(StorageError) in try base.openFile(path, mode) }
    return KillingFile(base: file, killSwitch: killSwitch)
  }

  func createDirectory(_ path: String) throws(StorageError) {
    try killSwitch.around(.mkdir) { () throws(StorageError) in try base.createDirectory(path) }
  }

  func rename(_ source: String, to destination: String) throws(StorageError) {
    try killSwitch.around(.rename) { () throws(StorageError) in
      try base.rename(source, to: destination)
    }
  }

  func link(_ source: String, to destination: String) throws(StorageError) {
    try killSwitch.around(.link) { () throws(StorageError) in try base.link(source, to: destination) }
  }

  func remove(_ path: String) throws(StorageError) {
    try killSwitch.around(.unlink) { () throws(StorageError) in try base.remove(path) }
  }

  func list(_ directory: String) throws(StorageError) -> [String] {
    try killSwitch.around(.list) { () throws(StorageError) in try base.list(directory) }
  }

  func information(at path: String) throws(StorageError) -> FileInformation? {
    try killSwitch.around(.stat) { () throws(StorageError) in try base.information(at: path) }
  }

  func space(at path: String) throws(StorageError) -> FileSystemSpace? {
    try killSwitch.around(.statvfs) { () throws(StorageError) in try base.space(at: path) }
  }

  func synchronizeDirectory(_ path: String) throws(StorageError) {
    try killSwitch.around(.syncdir) { () throws(StorageError) in try base.synchronizeDirectory(path) }
  }

  func lock(_ path: String) throws(StorageError) -> any FileLock {
    try killSwitch.around(.lock) { () throws(StorageError) in try base.lock(path) }
  }

  func isLocked(_ path: String) throws(StorageError) -> Bool {
    try killSwitch.around(.lock) { () throws(StorageError) in try base.isLocked(path) }
  }
}

/// A file of it.
final class KillingFile: File {
  private let base: any File
  private let killSwitch: KillSwitch

  init(base: any File, killSwitch: KillSwitch) {
    self.base = base
    self.killSwitch = killSwitch
  }

  var path: String { base.path }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
    try killSwitch.around(.read) { () throws(StorageError) in try base.read(into: buffer, at: offset) }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    try killSwitch.around(.write, tearing: beginning(of: bytes, at: offset)) { () throws(StorageError) in
      try base.write(bytes, at: offset)
    }
  }

  func writeThrough(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    // Passed on as what it is: a write and a sync would be another way to the disk.
    try killSwitch.around(.writethrough, tearing: beginning(of: bytes, at: offset)) {
      () throws(StorageError) in
      try base.writeThrough(bytes, at: offset)
    }
  }

  func synchronize() throws(StorageError) {
    try killSwitch.around(.sync) { () throws(StorageError) in try base.synchronize() }
  }

  func startWriteback(at offset: UInt64, count: UInt64) throws(StorageError) {
    try killSwitch.around(.writeback) { () throws(StorageError) in
      try base.startWriteback(at: offset, count: count)
    }
  }

  func truncate(to size: UInt64) throws(StorageError) {
    try killSwitch.around(.truncate) { () throws(StorageError) in try base.truncate(to: size) }
  }

  func preallocate(_ size: UInt64) throws(StorageError) {
    try killSwitch.around(.preallocate) { () throws(StorageError) in try base.preallocate(size) }
  }

  func size() throws(StorageError) -> UInt64 {
    try killSwitch.around(.size) { () throws(StorageError) in try base.size() }
  }

  func close() throws(StorageError) {
    try killSwitch.around(.close) { () throws(StorageError) in try base.close() }
  }

  /// Writes the first so many bytes, or half of them. Whether that fails or not, the process ends then.
  private func beginning(of bytes: UnsafeRawBufferPointer, at offset: UInt64) -> (Int?) -> Void {
    { [base] count in
      let count = min(count ?? bytes.count / 2, bytes.count)
      try? base.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: offset)
    }
  }
}

extension KillSwitch {
  /// Makes a call, unless the process ends before it.
  /// - Parameter tearing: Makes the first so many bytes of it; `nil`: half of them.
  fileprivate func around<Result>(
    _ call: FileCall, tearing: ((Int?) -> Void)? = nil, _ make: () throws(StorageError) -> Result
  ) throws(StorageError) -> Result {
    switch order(for: call) {
    case .make: return try make()
    case .kill(.before): Self.killThisProcess()
    case .kill(.torn(let bytes)):
      tearing?(bytes)
      Self.killThisProcess()
    case .kill(.after):
      // Whether it fails or not.
      _ = try? make()
      Self.killThisProcess()
    }
  }
}
