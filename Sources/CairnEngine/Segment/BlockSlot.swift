import CairnShims
import Synchronization

/// Where an open segment finds one of its blocks in the block cache, without a lock and without a search.
///
/// Taking the block is wait-free: a *pin* keeps it in the cache for as long as it takes to count a reference
/// more. The word says all there is to say, in one cache line:
///
///     bits 63…48  pins │ bits 47…2  the block's address, 0 for none │ bits 1…0  how often it was used, to 3
///
/// Invariant: an address is stored, and taken out, only under the lock of the shard that holds the block, which
/// keeps a reference to it for as long as the address is there; it is taken out by an exchange that expects no
/// pin. So whoever has pinned an address may count a reference to what is there. The word lives as long as the
/// segment's reader, which has its words let go of before that.
struct BlockSlot: Equatable, @unchecked Sendable {
  private let word: UnsafeMutablePointer<Atomic<UInt64>>

  private static let pin: UInt64 = 1 << 48
  private static let uses: UInt64 = 3
  private static let address: UInt64 = (pin - 1) & ~uses

  init(_ word: UnsafeMutablePointer<Atomic<UInt64>>) {
    self.word = word
  }

  /// The block, if it is here.
  @inline(__always)
  func take() -> Block? {
    if word.pointee.load(ordering: .relaxed) & Self.address == 0 { return nil }
    let before = word.pointee.wrappingAdd(Self.pin, ordering: .acquiring).oldValue
    defer { word.pointee.wrappingSubtract(Self.pin, ordering: .releasing) }
    guard let address = UnsafeRawPointer(bitPattern: UInt(before & Self.address)) else { return nil }
    // What a search goes on to read is on its way while the reference is counted.
    for line in 1..<8 { cairn_prefetch(address + 64 * line) }
    let block = Unmanaged<Block>.fromOpaque(address).retain()
    if before & Self.uses < Self.uses { countUse(before &+ Self.pin) }
    return block.takeRetainedValue()
  }

  /// That a use goes uncounted when others change the word meanwhile does no harm.
  @inline(never)
  private func countUse(_ expected: UInt64) {
    _ = word.pointee.weakCompareExchange(
      expected: expected, desired: expected &+ 1, ordering: .relaxed)
  }

  /// Has the processor fetch the word itself.
  @inline(__always)
  func prefetch() { cairn_prefetch(word) }

  /// Has the processor fetch the beginning of the block, if one is here: it is not looked at, so it may go
  /// meanwhile.
  /// - Returns: where it is or was.
  @inline(__always)
  func prefetchBlock() -> UnsafeRawPointer? {
    let address = word.pointee.load(ordering: .relaxed) & Self.address
    guard let block = UnsafeRawPointer(bitPattern: UInt(address)) else { return nil }
    for line in 0..<8 { cairn_prefetch(block + 64 * line) }
    return block
  }

  // MARK: Under the lock of the shard

  /// Whether a block is here, as far as one can tell without the lock.
  var isEmpty: Bool { word.pointee.load(ordering: .relaxed) & Self.address == 0 }

  /// Puts a block here, if nothing is and its address is one that fits, as all addresses do on the systems
  /// that there are.
  /// - Returns: whether it is here now.
  func put(_ block: Block) -> Bool {
    let address = UInt64(UInt(bitPattern: Unmanaged.passUnretained(block).toOpaque()))
    guard address & Self.address == address, isEmpty else { return false }
    // The pins of those who came too early for the former block stay.
    word.pointee.wrappingAdd(address, ordering: .releasing)
    return true
  }

  /// How often the block was used since this was last asked, at most 3.
  func takeUses() -> UInt8 {
    UInt8(word.pointee.bitwiseAnd(~Self.uses, ordering: .relaxed).oldValue & Self.uses)
  }

  /// Takes the block out, unless somebody is taking it right now.
  func clear() -> Bool {
    let seen = word.pointee.load(ordering: .relaxed)
    if seen >= Self.pin { return false }
    return word.pointee.compareExchange(expected: seen, desired: 0, ordering: .acquiringAndReleasing)
      .exchanged
  }
}
