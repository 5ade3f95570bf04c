import BenchmarkKit
import Testing

@Suite struct StatisticsTests {
  @Test(arguments: [([3.0], 3.0), ([1, 9], 5), ([9, 1, 4], 4), ([4, 3, 2, 1], 2.5)])
  func theMedianIsInTheMiddle(values: [Double], median: Double) {
    #expect(Statistics.median(values) == median)
  }
}
