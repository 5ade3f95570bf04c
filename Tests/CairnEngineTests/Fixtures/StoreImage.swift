import CairnEngine
import CairnKV
import CairnTesting
import Foundation

/// A store's files, apart from any disk: to be kept below `Tests/Fixtures`, opened, and given to the second
/// reader.
struct StoreImage {
  /// Where a store lies on the simulated disks of these tests.
  static let path = "/store"

  var files: [String: [UInt8]] = [:]

  /// What is on a simulated disk.
  init(of disk: SimulatedFileSystem) throws {
    guard try disk.information(at: Self.path) != nil else { return }
    for name in try disk.list(Self.path) {
      let file = try disk.openFile(Self.path + "/" + name, .read)
      var bytes = [UInt8](repeating: 0, count: Int(try file.size()))
      let count = try bytes.withUnsafeMutableBytes { buffer throws(StorageError) in
        try file.read(into: buffer, at: 0)
      }
      files[name] = Array(bytes[..<count])
    }
  }

  /// What is in a directory.
  init(at folder: URL) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false)) {
      files[name] = [UInt8](try Data(contentsOf: folder.appending(path: name)))
    }
  }

  var byteCount: Int { files.values.reduce(0) { $0 + $1.count } }

  /// Puts the files in the place of whatever was there.
  func write(to folder: URL) throws {
    let manager = FileManager.default
    if manager.fileExists(atPath: folder.path(percentEncoded: false)) { try manager.removeItem(at: folder) }
    try manager.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, bytes) in files { try Data(bytes).write(to: folder.appending(path: name)) }
  }

  /// A disk with these files, all of them durable.
  func disk() throws -> SimulatedFileSystem {
    let disk = SimulatedFileSystem()
    try disk.createDirectory(Self.path)
    try disk.synchronizeDirectory("/")
    for (name, bytes) in files {
      let file = try disk.openFile(Self.path + "/" + name, .create)
      try bytes.withUnsafeBufferPointer { buffer throws(StorageError) in
        try file.write(UnsafeRawBufferPointer(buffer), at: 0)
      }
      try file.synchronize()
    }
    try disk.synchronizeDirectory(Self.path)
    return disk
  }
}
