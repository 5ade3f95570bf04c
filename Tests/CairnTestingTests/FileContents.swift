import CairnEngine
import CairnKV

extension File {
  func readBytes(_ count: Int, at offset: UInt64) throws(StorageError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: count)
    let done = try bytes.withUnsafeMutableBufferPointer { buffer throws(StorageError) in
      try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
    }
    return Array(bytes[..<done])
  }

  func writeBytes(_ bytes: [UInt8], at offset: UInt64) throws(StorageError) {
    try bytes.withUnsafeBufferPointer { buffer throws(StorageError) in
      try write(UnsafeRawBufferPointer(buffer), at: offset)
    }
  }
}

extension FileSystem {
  /// A file's bytes; `nil` when there is no such file.
  func contents(_ path: String) throws(StorageError) -> [UInt8]? {
    guard let information = try information(at: path), !information.isDirectory else { return nil }
    return try openFile(path, .read).readBytes(Int(information.size), at: 0)
  }

  /// Creates a file that is durable, name and all.
  func createDurably(_ path: String, _ bytes: [UInt8]) throws(StorageError) {
    let file = try openFile(path, .create)
    try file.writeBytes(bytes, at: 0)
    try file.synchronize()
    try synchronizeDirectory("/")
  }

  /// Everything on a disk without directories below the root.
  func everything() throws(StorageError) -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for name in try list("/") { files[name] = try contents(name) }
    return files
  }
}
