// Files and directories twice: as everyone sees them, and as the disk holds them; and in between, in order,
// the changes that the disk has not been made to keep.
//
// A plain value: copying it is cheap, and a copy is a disk of its own. Errors and their order are those of
// Linux.
//
// Invariant (difference): `current` is `durable` with all of `pending` applied, except for what failed
// synchronizations dropped, which `current` goes on showing.

import CairnEngine

/// A disk with a page cache before it.
struct SimulatedDisk: Sendable {
  typealias Place = PendingEffect.Place

  private(set) var current: NodeTable
  private(set) var durable: NodeTable
  private(set) var pending: [PendingEffect] = []
  let root: NodeNumber
  private(set) var nextNode: NodeNumber
  private var openCounts: [NodeNumber: Int] = [:]
  private(set) var locked: Set<NodeNumber> = []
  /// Changes with everything that a crash could tell.
  private(set) var changeCount = 0
  /// What was in the files that went last: it stands in the blocks that the next ones are given.
  private(set) var freed: [PagedContent] = []

  /// Whether there is no space for anything new.
  var isFull = false

  private static let greatestFreedCount = 3

  /// An empty disk.
  init() {
    root = 0
    nextNode = 1
    current = NodeTable()
    current.set(0, .directory([:]))
    durable = current
  }

  /// A disk that holds what can be reached from the root of `table`, all of it settled.
  init(settled table: NodeTable, root: NodeNumber, nextNode: NodeNumber, freed: [PagedContent] = []) {
    var reachable = NodeTable()
    var unvisited = [root]
    while let node = unvisited.popLast() {
      guard reachable.nodes[node] == nil, let value = table.nodes[node] else { continue }
      reachable.set(node, value)
      reachable.withContent(node) { $0.discardBeyondSize() }
      if case .directory(let entries) = value { unvisited += entries.values }
    }
    self.root = root
    self.nextNode = nextNode
    self.freed = freed
    current = reachable
    durable = reachable
  }

  /// The same disk when every process has died: nothing is open or locked, and what was pending still is.
  func afterProcessDeath() -> SimulatedDisk {
    var disk = self
    disk.locked = []
    disk.openCounts = [:]
    for node in openCounts.keys { disk.forgetIfGone(node) }
    return disk
  }

  // MARK: Names

  /// The file or directory at a path.
  func find(_ path: String) throws(ErrorNumber) -> NodeNumber {
    try walk(Self.components(path)[...]).last ?? root
  }

  mutating func createFile(_ path: String) throws(ErrorNumber) -> NodeNumber {
    let place = try newPlace(path)
    if isFull { throw .noSpace }
    return add(.file(PagedContent()), at: place)
  }

  mutating func createDirectory(_ path: String) throws(ErrorNumber) {
    guard let place = try place(path) else { return }
    if let existing = current.entries(place.directory)?[place.name] {
      if current.entries(existing) == nil { throw .exists }
      return
    }
    if isFull { throw .noSpace }
    _ = add(.directory([:]), at: place)
  }

  mutating func link(_ source: String, to destination: String) throws(ErrorNumber) {
    let node = try find(source)
    let place = try newPlace(destination)
    if current.entries(node) != nil { throw .notPermitted }
    if isFull { throw .noSpace }
    record(.entry(node, place))
  }

  mutating func remove(_ path: String) throws(ErrorNumber) {
    let node = try find(path)
    guard current.entries(node) == nil, let place = try place(path) else { throw .removedDirectory }
    record(.removal(node, place))
  }

  mutating func rename(_ source: String, to destination: String) throws(ErrorNumber) {
    guard let from = try place(source), let to = try place(destination) else { throw .invalidArgument }
    guard let node = current.entries(from.directory)?[from.name] else { throw .noSuchFile }
    let sourceIsDirectory = current.entries(node) != nil
    if sourceIsDirectory, try isPath(destination, below: node) { throw .invalidArgument }
    if let replaced = current.entries(to.directory)?[to.name] {
      if replaced == node { return }
      let replacedEntries = current.entries(replaced)
      if replacedEntries != nil, try isPath(source, below: replaced) { throw .directoryNotEmpty }
      if sourceIsDirectory, replacedEntries == nil { throw .notADirectory }
      if !sourceIsDirectory, replacedEntries != nil { throw .isDirectory }
      if replacedEntries?.isEmpty == false { throw .directoryNotEmpty }
    }
    record(.move(node, from: from, to: to))
  }

  func list(_ path: String) throws(ErrorNumber) -> [String] {
    guard let entries = current.entries(try find(path)) else { throw .notADirectory }
    return entries.keys.sorted()
  }

  func information(_ path: String) throws(ErrorNumber) -> FileInformation? {
    do throws(ErrorNumber) {
      let node = try find(path)
      return FileInformation(isDirectory: current.entries(node) != nil, size: current.content(node).size)
    } catch {
      if error == .noSuchFile || error == .notADirectory { return nil }
      throw error
    }
  }

  // MARK: Content

  mutating func write(_ file: NodeNumber, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) {
    if bytes.isEmpty { return }
    let end = offset + UInt64(bytes.count)
    if end > current.content(file).size { record(.growth(file, to: end)) }
    record(.data(file, offset: offset, bytes: [UInt8](bytes)))
  }

  /// A write that everybody sees as it should be until the power goes, and that the device did otherwise.
  mutating func write(
    _ file: NodeNumber, _ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ cause: FaultPlan.Cause,
    _ generator: inout SeededGenerator
  ) {
    if bytes.isEmpty { return }
    let end = offset + UInt64(bytes.count)
    if end > current.content(file).size { record(.growth(file, to: end)) }
    changeCount += 1
    var content = [UInt8](bytes)
    current.apply(.data(file, offset: offset, bytes: content))
    switch cause {
    case .misdirectedWrite:
      let (other, place) = misdirection(of: file, offset, &generator)
      pending.append(.data(other, offset: place, bytes: content))
    case .flippedBit:
      content[generator.below(content.count)] ^= 1 << UInt8(generator.below(8))
      pending.append(.data(file, offset: offset, bytes: content))
    default: break
    }
  }

  /// Somewhere in a file that there is, at the beginning of a sector; of another one in one case of two.
  private func misdirection(
    of file: NodeNumber, _ offset: UInt64, _ generator: inout SeededGenerator
  ) -> (NodeNumber, UInt64) {
    let others = durable.nodes.keys.sorted().filter { $0 != file && durable.content($0).size > 0 }
    let isElsewhere = generator.chance(1, in: 2) && !others.isEmpty
    let chosen = isElsewhere ? others[generator.below(others.count)] : file
    let sectors = Int(clamping: max(durable.content(chosen).size, 4096) / UInt64(Sector.bytes))
    let place = UInt64(generator.below(sectors)) * UInt64(Sector.bytes)
    return (chosen, place == offset && chosen == file ? place + UInt64(Sector.bytes) : place)
  }

  mutating func truncate(_ file: NodeNumber, to size: UInt64) {
    if current.content(file).size != size { record(.truncation(file, to: size)) }
  }

  // MARK: Durability

  /// Makes a file's content or a directory's names durable; of a file's content only `bytes`, unless that is `nil`.
  mutating func synchronize(_ node: NodeNumber, _ bytes: Range<UInt64>? = nil) {
    let settled = pending.filter { $0.isSettled(bySynchronizing: node, bytes) }
    if settled.isEmpty { return }
    changeCount += 1
    pending.removeAll { $0.isSettled(bySynchronizing: node, bytes) }
    let replaced = durable.entries(node)
    for effect in settled { durable.apply(effect) }
    if let replaced {
      for candidate in Set(replaced.values).union(settled.map(\.node)) { forgetIfGone(candidate) }
    }
  }

  /// Fails to: some of what was pending reaches the disk, and the rest never will, whatever is synchronized
  /// later. The new length of a file stays pending, so that a later success may make a file durable that
  /// holds zeros.
  mutating func failToSynchronize(
    _ node: NodeNumber, _ generator: inout SeededGenerator, _ bytes: Range<UInt64>? = nil
  ) {
    let isFile = current.entries(node) == nil
    let isDropped = { (effect: PendingEffect) in
      effect.isSettled(bySynchronizing: node, bytes) && !(isFile && effect.isMetadata)
    }
    changeCount += 1
    let dropped = pending.filter(isDropped)
    pending.removeAll(where: isDropped)
    let kept = Selection(count: dropped.count, &generator)
    let keeps = dropped.indices.map { kept.contains($0, &generator) }
    durable.apply(dropped, keeping: keeps, tearing: kept.tears, &generator)
  }

  // MARK: Handles and locks

  mutating func retain(_ node: NodeNumber) {
    openCounts[node, default: 0] += 1
  }

  mutating func release(_ node: NodeNumber) {
    openCounts[node, default: 1] -= 1
    if openCounts[node] == 0 {
      openCounts[node] = nil
      forgetIfGone(node)
    }
  }

  /// - Returns: whether the lock was free.
  mutating func lock(_ node: NodeNumber) -> Bool {
    locked.insert(node).inserted
  }

  mutating func unlock(_ node: NodeNumber) {
    locked.remove(node)
  }

  // MARK: Inside

  private mutating func record(_ effect: PendingEffect) {
    changeCount += 1
    current.apply(effect)
    pending.append(effect)
  }

  private mutating func add(_ value: DiskNode, at place: Place) -> NodeNumber {
    let node = nextNode
    nextNode += 1
    current.set(node, value)
    durable.set(node, value)
    record(.entry(node, place))
    return node
  }

  /// Frees the memory of a file that has no name, on the disk or off it, now or after a crash, and is not
  /// open.
  private mutating func forgetIfGone(_ node: NodeNumber) {
    if node == root || openCounts[node] != nil { return }
    for table in [current, durable] {
      for case .directory(let entries) in table.nodes.values where entries.values.contains(node) { return }
    }
    for case .entry(node, _) in pending { return }
    for case .move(node, _, _) in pending { return }
    let content = current.content(node)
    if content.size > 0 { freed = [content] + freed.prefix(Self.greatestFreedCount - 1) }
    current.set(node, nil)
    durable.set(node, nil)
    pending.removeAll { $0.node == node }
  }

  /// The parts of a path; both `/` and `.` are the root.
  private static func components(_ path: String) throws(ErrorNumber) -> [String] {
    if path.isEmpty { throw .noSuchFile }
    if path.utf8.contains(0) { throw .invalidArgument }
    return path.split(separator: "/").filter { $0 != "." }.map { String($0) }
  }

  /// The way from the root to what a path names, both included.
  private func walk(_ components: ArraySlice<String>) throws(ErrorNumber) -> [NodeNumber] {
    var way = [root]
    for name in components {
      guard let entries = current.entries(way.last ?? root) else { throw .notADirectory }
      if name == ".." {
        if way.count > 1 { way.removeLast() }
      } else {
        guard let next = entries[name] else { throw .noSuchFile }
        way.append(next)
      }
    }
    return way
  }

  /// Where the last part of a path stands or would stand; `nil` for the root. A path that ends in `..` is
  /// refused.
  private func place(_ path: String) throws(ErrorNumber) -> Place? {
    let components = try Self.components(path)
    guard let name = components.last else { return nil }
    if name == ".." { throw .invalidArgument }
    let directory = try walk(components.dropLast()).last ?? root
    if current.entries(directory) == nil { throw .notADirectory }
    return Place(directory: directory, name: name)
  }

  private func newPlace(_ path: String) throws(ErrorNumber) -> Place {
    guard let place = try place(path) else { throw .exists }
    if current.entries(place.directory)?[place.name] != nil { throw .exists }
    return place
  }

  /// Whether what `path` names stands in `directory`, or in one below it.
  private func isPath(_ path: String, below directory: NodeNumber) throws(ErrorNumber) -> Bool {
    try walk(Self.components(path).dropLast()).contains(directory)
  }
}
