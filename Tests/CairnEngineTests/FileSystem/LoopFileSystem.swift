import CairnEngine
import CairnKV
import Foundation

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A small ext4 file system in a file, mounted for one test: a disk that really fills up. Only where the machine lets
/// this process mount one.
final class LoopFileSystem {
  let path: String
  private let image: String

  /// Why there can be none here; `nil` when there can.
  static let absence: String? = {
    do {
      _ = try LoopFileSystem(megabytes: 8)
      return nil
    } catch { return "no file system can be mounted here: \(error)" }
  }()

  init(megabytes: Int) throws {
    let base = FileManager.default.temporaryDirectory.appending(path: "cairn-loop-\(UUID().uuidString)")
      .path(percentEncoded: false)
    image = base + ".image"
    path = base
    guard FileManager.default.createFile(atPath: image, contents: nil) else {
      throw StorageError(.inputOutput, "cannot create a file", file: image)
    }
    var isMounted = false
    defer { if !isMounted { removeFiles() } }
    guard truncate(image, off_t(megabytes << 20)) == 0 else {
      throw StorageError(.inputOutput, "cannot set the length", file: image, systemError: errno)
    }
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try Self.run("mkfs.ext4", ["-q", "-F", image])
    try Self.run("mount", ["-o", "loop", image, path])
    isMounted = true
  }

  deinit {
    try? Self.run("umount", [path])
    removeFiles()
  }

  private func removeFiles() {
    try? FileManager.default.removeItem(atPath: image)
    rmdir(path)
  }

  /// What this process may still write.
  var freeBytes: UInt64 { get throws { try POSIXFileSystem().space(at: path)?.freeBytes ?? 0 } }

  /// Leaves not a byte, not even what is reserved for the administrator.
  func fillToTheBrim() throws {
    let descriptor = open(path + "/filler", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    guard descriptor >= 0 else { throw StorageError(.inputOutput, "cannot create", systemError: errno) }
    defer { close(descriptor) }
    for length in [1 << 20, 4096, 512, 1] {
      let bytes = [UInt8](repeating: 1, count: length)
      // At most as often as there is room for it.
      for _ in 0..<4096 where write(descriptor, bytes, length) != length { break }
    }
  }

  func removeFiller() throws { try POSIXFileSystem().remove(path + "/filler") }

  private static func run(_ command: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [command] + arguments
    process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw StorageError(.inputOutput, "\(command) ended with \(process.terminationStatus)")
    }
  }
}
