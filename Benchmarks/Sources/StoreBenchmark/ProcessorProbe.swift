/// What the processor alone is worth at a moment: whether somebody else takes its time, its cache or its memory.
struct ProcessorProbe {
  /// Each element names the one to look at next, in one ring through all of 16 MiB.
  private let ring: [UInt32]
  private static let count = 4 << 20

  init() {
    var order = Array(0..<UInt32(Self.count))
    var numbers = SeededNumbers(1)
    order.shuffle(using: &numbers)
    var ring = [UInt32](repeating: 0, count: Self.count)
    for index in 0..<Self.count { ring[Int(order[index])] = order[(index + 1) % Self.count] }
    self.ring = ring
  }

  /// Steps a second, measured for about `milliseconds`.
  func rate(milliseconds: Int) -> Double {
    let start = ContinuousClock.now
    let end = start + .milliseconds(milliseconds)
    var (place, count) = (UInt32(0), 0)
    while ContinuousClock.now < end {
      for _ in 0..<1000 { place = ring[Int(place)] }
      count += 1000
    }
    // What is not used may be left out.
    precondition(place < Self.count)
    return Double(count) / ((ContinuousClock.now - start) / .seconds(1))
  }
}
