// What a simulated disk has been told but not been made to keep.

/// The identity of a file or directory, independent of its names: an inode number.
typealias NodeNumber = Int

/// One change that is visible to everyone but that a crash may lose.
///
/// A write that grows a file is two effects, for a disk may keep the one and not the other: with the growth
/// alone the new bytes are zeros, with the data alone there is nothing to see of them.
enum PendingEffect: Sendable {
  case data(NodeNumber, offset: UInt64, bytes: [UInt8])
  case growth(NodeNumber, to: UInt64)
  case truncation(NodeNumber, to: UInt64)
  /// A file or directory got a name.
  case entry(NodeNumber, Place)
  /// A name went.
  case removal(NodeNumber, Place)
  /// A name changed, replacing what had the new one: both at once or not at all.
  case move(NodeNumber, from: Place, to: Place)

  /// A name in a directory.
  struct Place: Hashable, Sendable {
    var directory: NodeNumber
    var name: String
  }

  /// Whether it is the kind of change that a file system keeps in its journal.
  var isMetadata: Bool {
    if case .data = self { false } else { true }
  }

  /// Whether synchronizing the file or directory `node` makes it durable; or, of a file, only so many `bytes` and
  /// what it takes to find them.
  func isSettled(bySynchronizing node: NodeNumber, _ bytes: Range<UInt64>? = nil) -> Bool {
    switch self {
    case .data(let file, let offset, let content):
      file == node && bytes?.overlaps(offset..<(offset + UInt64(content.count))) ?? true
    case .growth(let file, _), .truncation(let file, _): file == node
    case .entry(_, let place), .removal(_, let place): place.directory == node
    // A move is atomic, so it cannot be durable in one of two directories only.
    case .move(_, let from, let to): from.directory == node || to.directory == node
    }
  }

  /// The file or directory whose content or name changes.
  var node: NodeNumber {
    switch self {
    case .data(let node, _, _), .growth(let node, _), .truncation(let node, _), .entry(let node, _),
      .removal(let node, _), .move(let node, _, _):
      node
    }
  }
}

/// What a disk writes wholly or not at all.
enum Sector {
  /// The unit that NVMe and SATA disks promise, whatever their physical one.
  static let bytes = 512

  /// How many of them a disk writes at once whose physical sectors have 4 KiB.
  static let ofPhysicalOne: UInt64 = 8

  /// Divides `count` bytes at `offset` of a file by sectors.
  static func pieces(offset: UInt64, count: Int) -> [(sector: UInt64, range: Range<Int>)] {
    var pieces: [(UInt64, Range<Int>)] = []
    var done = 0
    while done < count {
      let position = offset + UInt64(done)
      let length = min(count - done, bytes - Int(position % UInt64(bytes)))
      pieces.append((position / UInt64(bytes), done..<(done + length)))
      done += length
    }
    return pieces
  }
}
