import CairnShims

/// The same thing several times, each in a cache line of its own, so that threads which count there do not take
/// the line away from each other: two processors that change one word wait longer for it than all else takes
/// that a look-up does in memory.
///
/// Invariant: `count` initialized elements from `init` to `deinit`, each at the beginning of a line, which it does not
/// exceed.
struct Lanes<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
  /// More than the processors that read at once in most programs; with more threads some share a lane.
  static var count: Int { 8 }
  private static var lineBytes: Int { 64 }

  private let memory: UnsafeMutableRawPointer

  /// - Parameter make: makes each element; all must be alike.
  init(_ make: () -> Element) {
    assert(MemoryLayout<Element>.size <= Self.lineBytes, "an element takes a line at most")
    memory = .allocate(byteCount: Self.count * Self.lineBytes, alignment: Self.lineBytes)
    for lane in 0..<Self.count {
      (memory + lane * Self.lineBytes).initializeMemory(as: Element.self, to: make())
    }
  }

  deinit {
    for lane in 0..<Self.count { self[lane].deinitialize(count: 1) }
    memory.deallocate()
  }

  /// What stands in a lane, as long as this lives.
  @inline(__always)
  subscript(lane: Int) -> UnsafeMutablePointer<Element> {
    (memory + lane &* Self.lineBytes).assumingMemoryBound(to: Element.self)
  }

  /// The calling thread's lane.
  @inline(__always)
  static var own: Int { Int(cairn_thread_number()) & (count - 1) }
}
