// Files and directories by number, and how a change happens to them.

/// A file or directory.
enum DiskNode: Hashable, Sendable {
  case file(PagedContent)
  case directory([String: NodeNumber])
}

/// Files and directories as they are at one place: in the page cache, or on the disk.
struct NodeTable: Hashable, Sendable {
  private(set) var nodes: [NodeNumber: DiskNode] = [:]

  /// The content of a file; empty when there is none.
  func content(_ file: NodeNumber) -> PagedContent {
    if case .file(let content)? = nodes[file] { content } else { PagedContent() }
  }

  /// The names in a directory; `nil` when it is none.
  func entries(_ directory: NodeNumber) -> [String: NodeNumber]? {
    if case .directory(let entries)? = nodes[directory] { entries } else { nil }
  }

  /// Adds a file or directory, or takes one away.
  mutating func set(_ node: NodeNumber, _ value: DiskNode?) {
    nodes[node] = value
  }

  /// Changes a file in place, without copying its table of pages.
  mutating func withContent(_ file: NodeNumber, _ change: (inout PagedContent) -> Void) {
    guard case .file(var content)? = nodes[file] else { return }
    nodes[file] = .file(PagedContent())
    change(&content)
    nodes[file] = .file(content)
  }

  /// Lets an effect happen. One whose file or directory is not there does nothing.
  mutating func apply(_ effect: PendingEffect) {
    switch effect {
    case .data(let file, let offset, let bytes):
      bytes.withUnsafeBytes { store($0, file, at: offset) }
    case .growth(let file, let size): withContent(file) { $0.grow(to: size) }
    case .truncation(let file, let size): withContent(file) { $0.truncate(to: size) }
    case .entry(let node, let place): setEntry(place, node)
    case .removal(let node, let place): removeEntry(place, ifItIs: node)
    case .move(let node, let from, let to):
      removeEntry(from, ifItIs: node)
      setEntry(to, node)
    }
  }

  /// Lets a write happen in those of its sectors that are `kept`.
  mutating func applyData(
    _ file: NodeNumber, offset: UInt64, bytes: [UInt8], where kept: (_ sector: UInt64) -> Bool
  ) {
    bytes.withUnsafeBytes { buffer in
      for piece in Sector.pieces(offset: offset, count: bytes.count) where kept(piece.sector) {
        store(
          UnsafeRawBufferPointer(rebasing: buffer[piece.range]), file,
          at: offset + UInt64(piece.range.lowerBound))
      }
    }
  }

  private mutating func store(_ bytes: UnsafeRawBufferPointer, _ file: NodeNumber, at offset: UInt64) {
    withContent(file) { $0.store(bytes, at: offset) }
  }

  private mutating func setEntry(_ place: PendingEffect.Place, _ node: NodeNumber?) {
    guard case .directory(var entries)? = nodes[place.directory] else { return }
    nodes[place.directory] = .directory([:])
    entries[place.name] = node
    nodes[place.directory] = .directory(entries)
  }

  private mutating func removeEntry(_ place: PendingEffect.Place, ifItIs node: NodeNumber) {
    if entries(place.directory)?[place.name] == node { setEntry(place, nil) }
  }
}
