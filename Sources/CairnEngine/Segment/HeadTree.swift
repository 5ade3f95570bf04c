/// Finds a place among ascending numbers: the heads of a segment's index.
///
/// A binary search of eight thousand heads waits for some ten cache lines, one after the other. Here they stand in
/// groups of eight, one cache line each, and above them the last of each group, in groups again, up to a single
/// one: four or five lines, of which all but the last two are as good as always in the cache.
///
///     where each level begins, the top one first │ top level: one group │ … │ all numbers
///
/// Invariant: `memory` is aligned to lines and holds what the diagram says, written in `init` and by nobody later.
/// Level `n` has a group for each number of level `n - 1`, whose last number, and what it is filled up with, are the
/// greatest that there is; so no search comes to a group that is not there.
struct HeadTree: ~Copyable, @unchecked Sendable {
  /// How many numbers stand in a group.
  static let groupCount = 8
  static let lineBytes = 64
  /// 8^16 numbers are more than there can be.
  private static let greatestDepth = 16

  private let memory: UnsafeMutableRawBufferPointer
  private let depth: Int
  private let count: Int

  /// What it takes in memory.
  var memoryBytes: Int { memory.count }

  /// - Parameters:
  ///   - heads: `count` numbers in ascending order.
  init(_ heads: UnsafePointer<UInt64>, count: Int) {
    var groups = [max(1, (count + Self.groupCount - 1) / Self.groupCount)]
    while let last = groups.last, last > 1 { groups.append((last + Self.groupCount - 1) / Self.groupCount) }
    let startsBytes = Self.greatestDepth * MemoryLayout<Int>.stride
    memory = .allocate(
      byteCount: startsBytes + groups.reduce(0, +) * Self.lineBytes, alignment: Self.lineBytes)
    depth = groups.count
    self.count = count
    memory.initializeMemory(as: UInt64.self, repeating: .max)
    var start = memory.count
    for (height, groupCount) in groups.enumerated() {
      let child = start
      start -= groupCount * Self.lineBytes
      memory.storeBytes(
        of: start, toByteOffset: (depth - 1 - height) * MemoryLayout<Int>.stride, as: Int.self)
      if height == 0 {
        for index in 0..<count {
          memory.storeBytes(of: heads[index], toByteOffset: start + 8 * index, as: UInt64.self)
        }
      } else {
        // What is above the last group stays the greatest number there is: beyond it there is none to come to.
        for index in 0..<groups[height - 1] - 1 {
          let last = memory.load(
            fromByteOffset: child + index * Self.lineBytes + 8 * (Self.groupCount - 1), as: UInt64.self)
          memory.storeBytes(of: last, toByteOffset: start + 8 * index, as: UInt64.self)
        }
      }
    }
  }

  deinit { memory.deallocate() }

  /// The index of the first number that is not less than `head`; as many as there are when all are less.
  /// - Parameter reach: told the group where that stands before it is searched, so that what stands beside it can be
  ///   fetched meanwhile.
  @inline(__always)
  func firstIndex(notBelow head: UInt64, reach: (_ group: Int) -> Void) -> Int {
    guard let base = memory.baseAddress else { return 0 }
    let starts = base.assumingMemoryBound(to: Int.self)
    var group = 0
    for level in 0..<depth {
      if level == depth &- 1 { reach(group) }
      let line = (base + starts[level] + group &* Self.lineBytes).assumingMemoryBound(to: UInt64.self)
      var below = 0
      for index in 0..<Self.groupCount {
        below &+= Int(truncatingIfNeeded: Self.isLess(line[index], head))
      }
      // Only in the last group.
      if below == Self.groupCount { return count }
      group = group &* Self.groupCount &+ below
    }
    return min(group, count)
  }

  /// 1 if `left` is less: without a branch, which would be mispredicted half the time.
  @inline(__always)
  private static func isLess(_ left: UInt64, _ right: UInt64) -> UInt64 {
    ((~left & right) | (~(left ^ right) & (left &- right))) &>> 63
  }
}
