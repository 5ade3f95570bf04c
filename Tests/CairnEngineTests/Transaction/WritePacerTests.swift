import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct WritePacerTests {
  private static let drain = 100e6
  private static func load(_ pressure: Double, _ drain: Double? = drain) -> WritePacer.Load {
    .init(pressure: pressure, drainBytesPerSecond: drain)
  }

  /// A pacer that has been through something.
  private func random(_ generator: inout SeededGenerator, at now: inout UInt64) -> WritePacer {
    var pacer = WritePacer()
    for _ in 0..<Int.random(in: 0..<20, using: &generator) {
      now += UInt64.random(in: 0..<5_000_000, using: &generator)
      let load = Self.load(Double.random(in: 0...1, using: &generator))
      _ = pacer.delay(forBytes: UInt64.random(in: 0..<2 << 20, using: &generator), under: [load], at: now)
    }
    return pacer
  }

  @Test(arguments: 1...200 as ClosedRange<UInt64>)
  func delaysAreBoundedAndGrowWithPressure(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var now: UInt64 = 1_000_000_000
    let pacer = random(&generator, at: &now)
    let bytes = UInt64.random(in: 0..<64 << 20, using: &generator)
    var former: UInt64 = 0
    for step in 0...20 {
      var copy = pacer
      let delay = copy.delay(forBytes: bytes, under: [Self.load(Double(step) / 20)], at: now)
      #expect(delay >= former, "pressure \(step)/20")
      #expect(delay <= WritePacer.greatestDelayNanoseconds)
      #expect(delay == 0 || delay >= WritePacer.leastDelayNanoseconds)
      former = delay
    }
    var loaded = pacer
    var unknown = pacer
    let absurd = [Self.load(1, nil), Self.load(-1), Self.load(.nan), Self.load(1, 0), Self.load(1, -5)]
    #expect(
      loaded.delay(forBytes: bytes, under: [], at: now)
        == unknown.delay(forBytes: bytes, under: absurd, at: now))
  }

  /// Whoever waits as told, and takes some time besides, is never faster than the target, whatever the sizes:
  /// the drain, divided by the pressure. But for one burst, and for groups that cost more than the longest wait.
  @Test(arguments: 1...100 as ClosedRange<UInt64>)
  func theRateStaysBelowTheTarget(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let pressure = Double.random(in: 0.1...1, using: &generator)
    let target = Self.drain / pressure
    let greatestBytes = UInt64(target * Double(WritePacer.greatestDelayNanoseconds) / 1e9) - 1
    let greatestService = UInt64.random(in: 1...2_000_000, using: &generator)
    var pacer = WritePacer()
    var now: UInt64 = 1_000_000_000
    let start = now
    var bytes: UInt64 = 0
    for _ in 0..<400 {
      let group = UInt64.random(in: 1...greatestBytes, using: &generator)
      now += pacer.delay(forBytes: group, under: [Self.load(pressure)], at: now)
      bytes += group
      let slack = Double(WritePacer.burstNanoseconds + WritePacer.leastDelayNanoseconds)
      #expect(Double(bytes) <= target * (Double(now - start) + slack) / 1e9 + 1, "seed \(seed)")
      now += UInt64.random(in: 0...greatestService, using: &generator)
    }
  }

  /// The other side: a writer that is slower than the target anyway never waits.
  @Test func aWriterThatTheWorkKeepsUpWithNeverWaits() {
    var pacer = WritePacer()
    var now: UInt64 = 1_000_000_000
    for _ in 0..<10_000 {
      // A page for each commit of 256 bytes, synced one by one, while all else is at its limit.
      #expect(pacer.delay(forBytes: 4096, under: [Self.load(1)], at: now) == 0)
      now += 150_000
    }
  }

  @Test func everyonePaysForTheirOwnBytes() {
    var pacer = WritePacer()
    let large = pacer.delay(forBytes: 1 << 20, under: [Self.load(0.8)], at: 1_000_000_000)
    #expect((6_000_000...9_000_000).contains(large))
    let small = pacer.delay(forBytes: 4096, under: [Self.load(0.8)], at: 1_000_000_000 + large)
    #expect(small <= WritePacer.leastDelayNanoseconds)
    // What is forgiven is not paid by others either.
    var other = WritePacer()
    #expect(other.delay(forBytes: 1 << 30, under: [Self.load(1)], at: 1 << 40) == 10_000_000)
    #expect(other.delay(forBytes: 4096, under: [Self.load(1)], at: 1 << 40 + 10_000_000) == 0)
  }

  @Test func whoJoinedIsPaidForByTheNext() {
    var pacer = WritePacer()
    let first = pacer.delay(forBytes: 1 << 18, under: [Self.load(1)], at: 1_000_000_000)
    pacer.add(joinedBytes: 1 << 18, at: 1_000_000_000 + first)
    let second = pacer.delay(forBytes: 4096, under: [Self.load(1)], at: 1_000_000_000 + first)
    #expect(second > 2_000_000)
  }

  @Test func theStrongestReasonCounts() {
    var one = WritePacer()
    var two = WritePacer()
    let heavy = Self.load(0.9)
    #expect(
      one.delay(forBytes: 1 << 19, under: [heavy], at: 1 << 40)
        == two.delay(forBytes: 1 << 19, under: [Self.load(0.2), heavy, Self.load(0.9, 1e12)], at: 1 << 40))
  }

  @Test func ratesAreAveraged() {
    var meter = DrainMeter()
    #expect(meter.bytesPerSecond == nil)
    meter.add(bytes: 100, nanoseconds: 0)
    #expect(meter.bytesPerSecond == nil)
    meter.add(bytes: 100, nanoseconds: 1_000_000_000)
    meter.add(bytes: 500, nanoseconds: 1_000_000_000)
    #expect(meter.bytesPerSecond == 200)
  }
}
