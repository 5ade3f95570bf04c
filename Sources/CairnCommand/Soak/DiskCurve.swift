import Foundation

/// What a directory takes on disk while nobody calls the store in it, from second to second.
struct DiskCurve {
  struct Point {
    let milliseconds: Int
    let usage: DiskUsage
  }

  /// Watches the directory so many seconds, or until it's `enough`. The first point is the present.
  static func watch(_ path: String, seconds: Int, until enough: (DiskUsage) -> Bool) -> [Point] {
    let start = DispatchTime.now().uptimeNanoseconds
    var points: [Point] = []
    while true {
      let elapsed = Int((DispatchTime.now().uptimeNanoseconds &- start) / 1_000_000)
      let usage = DiskUsage(of: path)
      points.append(Point(milliseconds: elapsed, usage: usage))
      if elapsed >= seconds * 1000 || enough(usage) { return points }
      usleep(UInt32(min(1000, seconds * 1000 - elapsed)) * 1000)
    }
  }
}
