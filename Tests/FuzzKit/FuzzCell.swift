import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Where the execution that is under way is noted, so that it is known after a trap has ended the process: in a file that
/// is mapped into memory, at the price of one store an execution.
///
///     u64 seed │ u64 index │ u64 state: 1 under way, 2 done
///
/// Invariant: `words` are three words that live as long as this object.
final class FuzzCell: Sendable {
  private static let wordCount = 3
  private static let mapped = 4096
  nonisolated(unsafe) private let words: UnsafeMutablePointer<Atomic<UInt64>>
  private let isMapped: Bool
  private let line: @Sendable (UInt64) -> String

  /// - Parameters:
  ///   - path: the file; `nil` for none.
  ///   - line: how to run an execution again.
  init(path: String?, seed: UInt64, line: @escaping @Sendable (UInt64) -> String) {
    self.line = line
    var memory: UnsafeMutableRawPointer?
    if let path {
      let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
      if descriptor >= 0, ftruncate(descriptor, off_t(Self.mapped)) == 0 {
        let found = mmap(nil, Self.mapped, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        if found != MAP_FAILED { memory = found }
      }
      close(descriptor)
    }
    isMapped = memory != nil
    let place = memory ?? .allocate(byteCount: Self.mapped, alignment: 16)
    words = place.bindMemory(to: Atomic<UInt64>.self, capacity: Self.wordCount)
    (words + 0).initialize(to: Atomic(seed))
    (words + 1).initialize(to: Atomic(.max))
    (words + 2).initialize(to: Atomic(1))
  }

  deinit {
    if isMapped { munmap(words, Self.mapped) } else { UnsafeMutableRawPointer(words).deallocate() }
  }

  @inline(__always)
  func note(_ index: UInt64) { words[1].store(index, ordering: .relaxed) }

  func finish() { words[2].store(2, ordering: .relaxed) }

  /// Ends the process, and says why, when one execution goes on for longer than `seconds`.
  func watch(seconds: Int) {
    let watched = Unmanaged.passRetained(Watched(cell: self, seconds: seconds))
    #if canImport(Darwin)
      var thread: pthread_t?
      let status = pthread_create(&thread, nil, { FuzzCell.run($0) }, watched.toOpaque())
      if status == 0, let thread { pthread_detach(thread) }
    #else
      var thread = pthread_t()
      let status = pthread_create(&thread, nil, { FuzzCell.run($0) }, watched.toOpaque())
      if status == 0 { pthread_detach(thread) }
    #endif
    if status != 0 { watched.release() }
  }

  private final class Watched: Sendable {
    let cell: FuzzCell
    let seconds: Int
    init(cell: FuzzCell, seconds: Int) {
      self.cell = cell
      self.seconds = seconds
    }
  }

  private static func run(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let watched = Unmanaged<Watched>.fromOpaque(context).takeRetainedValue()
    let cell = watched.cell
    var last = UInt64.max
    var unchangedSeconds = 0
    while cell.words[2].load(ordering: .relaxed) == 1 {
      sleep(1)
      let index = cell.words[1].load(ordering: .relaxed)
      unchangedSeconds = index == last ? unchangedSeconds + 1 : 0
      last = index
      if unchangedSeconds > watched.seconds, cell.words[2].load(ordering: .relaxed) == 1 {
        print("an execution hangs: \(cell.line(index))")
        fflush(nil)
        _exit(86)
      }
    }
    return nil
  }
}
