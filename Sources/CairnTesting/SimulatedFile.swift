import CairnEngine
import CairnKV
import Synchronization

/// An open file of a simulated file system.
final class SimulatedFile: File {
  let path: String
  private let fileSystem: SimulatedFileSystem
  private let node: NodeNumber
  private let isWritable: Bool
  private let isClosed = Atomic<Bool>(false)

  /// Takes over a reference to `node` that was retained for it.
  init(_ fileSystem: SimulatedFileSystem, _ node: NodeNumber, path: String, isWritable: Bool) {
    self.fileSystem = fileSystem
    self.node = node
    self.path = path
    self.isWritable = isWritable
  }

  deinit { fileSystem.withDisk { $0.release(node) } }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
    try fileSystem.perform(.read, path, "\(buffer.count) bytes at \(offset)") { disk throws(ErrorNumber) in
      try checkOpen()
      try checkReach(offset, 0)
      return disk.current.content(node).read(into: buffer, at: offset)
    } silently: { cause, disk, generator throws(ErrorNumber) in
      try checkOpen()
      try checkReach(offset, 0)
      let count = disk.current.content(node).read(into: buffer, at: offset)
      if cause == .flippedBit, count > 0 { buffer[generator.below(count)] ^= 1 << UInt8(generator.below(8)) }
      return count
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    try fileSystem.perform(.write, path, "\(bytes.count) bytes at \(offset)") { disk throws(ErrorNumber) in
      try checkWrite(bytes, at: offset)
      try checkSpace(disk, to: offset + UInt64(bytes.count))
      disk.write(node, bytes, at: offset)
    } interrupted: { disk, generator in
      guard (try? checkWrite(bytes, at: offset)) != nil else { return }
      disk.write(
        node, UnsafeRawBufferPointer(rebasing: bytes.prefix(generator.below(bytes.count + 1))), at: offset)
    } silently: { cause, disk, generator throws(ErrorNumber) in
      try checkWrite(bytes, at: offset)
      try checkSpace(disk, to: offset + UInt64(bytes.count))
      disk.write(node, bytes, at: offset, cause, &generator)
    }
  }

  func synchronize() throws(StorageError) {
    try fileSystem.perform(.synchronize, path) { disk throws(ErrorNumber) in
      try checkOpen()
      disk.synchronize(node)
    } interrupted: { disk, generator in
      if (try? checkOpen()) != nil { disk.failToSynchronize(node, &generator) }
    }
  }

  /// Two operations, as they are counted: the write, and a sync of what was written and nothing else.
  func writeThrough(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    try write(bytes, at: offset)
    let range = offset..<(offset + UInt64(bytes.count))
    try fileSystem.perform(.synchronize, path, "\(bytes.count) bytes at \(offset)") {
      disk throws(ErrorNumber) in
      try checkOpen()
      disk.synchronize(node, range)
    } interrupted: { disk, generator in
      if (try? checkOpen()) != nil { disk.failToSynchronize(node, &generator, range) }
    }
  }

  /// Makes nothing durable.
  func startWriteback(at offset: UInt64, count: UInt64) throws(StorageError) {
    try fileSystem.perform(.startWriteback, path, "\(count) bytes at \(offset)") { _ throws(ErrorNumber) in
      try checkOpen()
    }
  }

  func truncate(to size: UInt64) throws(StorageError) {
    try fileSystem.perform(.truncate, path, "to \(size)") { disk throws(ErrorNumber) in
      try checkOpen()
      try checkReach(size, 0)
      if !isWritable { throw .notWritable }
      disk.truncate(node, to: size)
    }
  }

  /// Only counted: space runs out when a fault says so, or the disk is full.
  func preallocate(_ size: UInt64) throws(StorageError) {
    try fileSystem.perform(.preallocate, path, "\(size) bytes") { disk throws(ErrorNumber) in
      try checkOpen()
      try checkReach(size, 0)
      if size > 0, !isWritable { throw .badDescriptor }
      try checkSpace(disk, to: size)
    }
  }

  func size() throws(StorageError) -> UInt64 {
    try fileSystem.perform(.size, path) { disk throws(ErrorNumber) in
      try checkOpen()
      return disk.current.content(node).size
    }
  }

  func close() throws(StorageError) {
    let wasClosed = isClosed.exchange(true, ordering: .acquiringAndReleasing)
    if !wasClosed { try fileSystem.perform(.close, path) { _ in } }
  }

  private func checkOpen() throws(ErrorNumber) {
    if isClosed.load(ordering: .acquiring) { throw .badDescriptor }
  }

  private func checkWrite(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ErrorNumber) {
    try checkOpen()
    try checkReach(offset, bytes.count)
    if !bytes.isEmpty, !isWritable { throw .badDescriptor }
  }

  /// On a full disk nothing grows.
  private func checkSpace(_ disk: SimulatedDisk, to end: UInt64) throws(ErrorNumber) {
    if disk.isFull, end > disk.current.content(node).size { throw .noSpace }
  }

  /// Files end where the system's offsets do.
  private func checkReach(_ offset: UInt64, _ count: Int) throws(ErrorNumber) {
    guard let start = Int64(exactly: offset), start <= Int64.max - Int64(count) else { throw .fileTooLarge }
  }
}

/// A held lock of a simulated file system.
final class SimulatedFileLock: FileLock {
  private let fileSystem: SimulatedFileSystem
  private let node: NodeNumber
  private let isReleased = Atomic<Bool>(false)

  /// Takes over the lock and a reference to `node`.
  init(_ fileSystem: SimulatedFileSystem, _ node: NodeNumber) {
    self.fileSystem = fileSystem
    self.node = node
  }

  deinit { release() }

  func release() {
    if isReleased.exchange(true, ordering: .acquiringAndReleasing) { return }
    fileSystem.withDisk { disk in
      disk.unlock(node)
      disk.release(node)
    }
  }
}
