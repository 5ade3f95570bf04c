import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A fresh folder on the disk that is to be measured. It goes when it is let go.
public final class ScratchFolder {
  /// Its path.
  public let path: String

  /// Where scratch folders are made unless somebody says otherwise: in the current directory, hence on its disk,
  /// since a temporary directory may be in memory.
  public static var defaultBase: String {
    FileManager.default.currentDirectoryPath + "/.build/scratch"
  }

  /// Makes a folder below `base`, which is made as well if need be.
  public init(below base: String = ScratchFolder.defaultBase, _ name: String) throws {
    path = base + "/\(name)-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  /// What the files below take on the disk, in bytes, holes left out.
  public func bytesOnDisk() throws -> Int { try Self.bytesOnDisk(path) }

  /// What the files below a folder take on the disk, in bytes, holes left out.
  public static func bytesOnDisk(_ path: String) throws -> Int {
    var total = 0
    for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
      // Not Foundation's allocated size, which on Linux takes blocks of 512 bytes for ones of 4,096.
      var information = stat()
      // A file that was removed meanwhile takes nothing.
      guard lstat(path + "/" + name, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
        continue
      }
      total += Int(information.st_blocks) * 512
    }
    return total
  }

  /// Removes what is below, and the folder.
  public func remove() throws {
    if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
  }

  deinit {
    // Nobody is there to be told; the next `make clean` takes it.
    try? remove()
  }
}
