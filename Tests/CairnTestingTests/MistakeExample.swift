// The example of a mistake in the documentation of CairnTesting is what stands between the markers below: it is compiled and
// run here, and a test of the project compares the two.

import Cairn
import CairnTesting
import Testing

@Suite struct MistakeExample {
  @Test func theMistakeIsFound() async throws {
    let failure = try #require(await simulationFailure { try await Self.run() })
    #expect(failure.reason == #"the check fails: sent: ["Ada", "Ada", "Grace"]"#)
    #expect(failure.mishaps.count == 1)
    #expect(failure.description.contains("run this case alone: simulate(seed: 7, mishaps: [.crash(at: "))
    #expect(failure.description.contains("life 1, last operations:"))
  }

  static func run() async throws -> SimulationReport {
    // readme:begin
    let sent = Journal<String>("sent")
    let progress = Timeline<Int>("progress")

    let report = try await simulate(seed: 7) { world in
      let store = try await world.open()
      let done = try await store.read { try $0.load(progress)?.state } ?? 0
      for (index, mail) in ["Ada", "Grace"].enumerated().dropFirst(done) {
        try world.effect("mail to \(mail)")
        try await store.write { try $0.append(mail, to: sent) }  // one commit
        try await store.write { try $0.save(index + 1, to: progress) }  // and another
      }
    } check: { world, facts in
      let events = try await world.open().read { try $0.events(in: sent).map(\.event) }
      try world.expect(events == ["Ada", "Grace"], "sent: \(events)")
    }
    // readme:end
    return report
  }
}
