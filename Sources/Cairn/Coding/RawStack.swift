/// A growing array of plain values in memory of its own, for the coder's inner loops.
///
/// Invariant that makes the raw accesses sound: `0 <= count <= capacity`, `base` has room for `capacity`
/// elements, and the first `count` of them are initialized. Only indices below `count` may be read; callers
/// keep to that, and debug builds check it. Elements are bitwise copyable, so none of them needs
/// deinitializing.
///
/// `Array` in its place costs a uniqueness check and a bounds check for each byte.
struct RawStack<Element: BitwiseCopyable>: ~Copyable {
  private(set) var base: UnsafeMutablePointer<Element>
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int) {
    self.capacity = max(capacity, 1)
    base = .allocate(capacity: self.capacity)
  }

  deinit {
    base.deallocate()
  }

  /// Makes room for `additional` more elements.
  @inline(__always)
  mutating func reserve(_ additional: Int) {
    if capacity - count < additional { grow(by: additional) }
  }

  @inline(never)
  private mutating func grow(by additional: Int) {
    let larger = max(capacity * 2, count + additional)
    let memory = UnsafeMutablePointer<Element>.allocate(capacity: larger)
    memory.initialize(from: base, count: count)
    base.deallocate()
    base = memory
    capacity = larger
  }

  @inline(__always)
  mutating func append(_ element: Element) {
    reserve(1)
    base[count] = element
    count += 1
  }

  /// Appends copies of elements that lie elsewhere.
  @inline(__always)
  mutating func append(from source: UnsafePointer<Element>, count additional: Int) {
    reserve(additional)
    (base + count).update(from: source, count: additional)
    count += additional
  }

  /// Adds `additional` elements before the element at `index`, and leaves it to the caller to set them.
  mutating func insertGap(of additional: Int, at index: Int) {
    reserve(additional)
    (base + index + additional).update(from: base + index, count: count - index)
    count += additional
  }

  /// Drops everything from `newCount` on.
  @inline(__always)
  mutating func truncate(to newCount: Int) {
    assert((0...count).contains(newCount))
    count = newCount
  }

  @inline(__always)
  subscript(index: Int) -> Element {
    get {
      assert((0..<count).contains(index))
      return base[index]
    }
    nonmutating _modify {
      assert((0..<count).contains(index))
      yield &base[index]
    }
  }
}
