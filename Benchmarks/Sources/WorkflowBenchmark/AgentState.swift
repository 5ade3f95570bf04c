import CairnTesting

/// The state of an agent: mostly notes, in words, which compress as text does.
struct AgentState: Codable, Sendable, Equatable {
  var step: Int
  var done: [Int]
  var notes: [String]

  /// About 4 KiB when encoded.
  static func ordinary(_ step: Int, _ words: inout Words) -> AgentState {
    AgentState(step: step, done: Array(0..<64), notes: (0..<15).map { _ in words.text(256) })
  }
}

/// What happened in a step: some 100 bytes when encoded.
struct AgentEvent: Codable, Sendable, Equatable {
  var step: Int
  var tool: String
  var summary: String

  init(_ step: Int, _ words: inout Words) {
    self.step = step
    tool = "search"
    summary = words.text(72)
  }
}

/// Text made of words that come by chance: the same in every run.
struct Words {
  private var random = SeededGenerator(seed: 42)
  private static let all: [String] = {
    var random = SeededGenerator(seed: 7)
    let letters = Array("etaoinshrdlu")
    return (0..<2000).map { _ in
      String(
        (0..<Int.random(in: 3...9, using: &random)).map { _ in
          letters[Int.random(in: 0..<letters.count, using: &random)]
        })
    }
  }()

  /// So many characters.
  mutating func text(_ length: Int) -> String {
    var text = ""
    while text.utf8.count < length {
      text += Self.all[Int.random(in: 0..<Self.all.count, using: &random)] + " "
    }
    return String(text.prefix(length))
  }
}
