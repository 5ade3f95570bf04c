import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

/// Files of a closed store that its manifest does not list, spares apart.
enum UnlistedFiles {
  static func entries(on disk: SimulatedFileSystem, at path: String) throws -> [StoreDirectory.Entry] {
    let directory = StoreDirectory(path: path, fileSystem: disk)
    let state = try #require(try Manifest.load(from: directory))
    let segments = Set(state.levels.joined().map(\.fileNumber))
    return try directory.entries().filter { entry in
      switch entry {
      case .lock, .manifest, .spare: false
      case .log(let number): !state.logs.contains(number)
      case .segment(let number): !segments.contains(number)
      case .values(let number): state.values.files[number] == nil
      case .newManifest, .backup, .unknown: true
      }
    }
  }
}

/// A file system without links.
final class LinklessFileSystem: ForwardingFileSystem {
  let base: any FileSystem
  let attempts = Atomic<Int>(0)
  private let errorNumber: Int32

  init(_ base: any FileSystem, errorNumber: Int32) {
    self.base = base
    self.errorNumber = errorNumber
  }

  func link(_ source: String, to destination: String) throws(StorageError) {
    attempts.add(1, ordering: .relaxed)
    throw StorageError(.inputOutput, "no links here", file: destination, systemError: errorNumber)
  }
}

/// A file system that lets somebody do something before each operation. What that does itself goes through untouched.
final class MeddlingFileSystem: ForwardingFileSystem, @unchecked Sendable {
  let base: any FileSystem
  // Used by one thread.
  private var action: ((String) -> Void)?
  private var isBusy = false

  init(_ base: any FileSystem) { self.base = base }

  func meddle(_ action: ((String) -> Void)?) { self.action = action }

  func act(_ path: String) {
    guard !isBusy, let action else { return }
    isBusy = true
    action(path)
    isBusy = false
  }

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    act(path)
    return MeddlingFile(try base.openFile(path, mode), self)
  }
  func rename(_ source: String, to destination: String) throws(StorageError) {
    act(destination)
    try base.rename(source, to: destination)
  }
  func link(_ source: String, to destination: String) throws(StorageError) {
    act(destination)
    try base.link(source, to: destination)
  }
  func remove(_ path: String) throws(StorageError) {
    act(path)
    try base.remove(path)
  }
  func list(_ directory: String) throws(StorageError) -> [String] {
    act(directory)
    return try base.list(directory)
  }
  func information(at path: String) throws(StorageError) -> FileInformation? {
    act(path)
    return try base.information(at: path)
  }
  func synchronizeDirectory(_ path: String) throws(StorageError) {
    act(path)
    try base.synchronizeDirectory(path)
  }

  private final class MeddlingFile: ForwardingFile {
    let base: any File
    private let owner: MeddlingFileSystem

    init(_ base: any File, _ owner: MeddlingFileSystem) {
      self.base = base
      self.owner = owner
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
      owner.act(path)
      return try base.read(into: buffer, at: offset)
    }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
      owner.act(path)
      try base.write(bytes, at: offset)
    }
    func synchronize() throws(StorageError) {
      owner.act(path)
      try base.synchronize()
    }
  }
}
