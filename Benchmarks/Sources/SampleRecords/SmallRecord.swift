/// One entry of a long list.
public struct SmallRecord: Codable, Equatable, Sendable {
  var id: Int
  var title: String
  var isDone: Bool
  var score: Double
  var note: String?

  /// A list of `count` records, the same in every run.
  public static func list(_ count: Int) -> [SmallRecord] {
    (0..<count).map { index in
      SmallRecord(
        id: index, title: "document \(index)", isDone: index % 3 == 0, score: Double(index) / 8,
        note: index % 2 == 0 ? nil : "seen by reviewer \(index % 7)")
    }
  }
}
