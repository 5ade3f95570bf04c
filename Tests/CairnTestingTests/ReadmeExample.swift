// The example of simulation in README.md and in the documentation of CairnTesting is what stands between the markers
// below: it is compiled and run here, and a test of the project compares them.

import Cairn
import CairnTesting
import Testing

@Suite struct ReadmeExample {
  // readme:begin
  @Test(arguments: SimulationSeeds.first(2)) func theMailerSurvives(seed: UInt64) async throws {
    let sent = Journal<String>("sent")
    try await simulate(seed: seed) { world in  // killed everywhere, started again on what is left
      let store = try await world.open()
      let done = try await store.read { try $0.version(of: sent) }
      for mail in ["Ada", "Grace", "Barbara"].dropFirst(Int(done)) {
        try world.effect("mail to \(mail)")  // in the world outside: no crash takes it back
        try await store.write { try $0.append(mail, to: sent, once: mail) }
        try world.note(mail)  // told to somebody, who relies on it from now on
      }
    } check: { world, facts in  // what must hold in the end, whatever happened
      let events = try await world.open().read { try $0.events(in: sent).map(\.event) }
      try world.expect(events == ["Ada", "Grace", "Barbara"], "sent: \(events)")
      try world.expect(facts.notes.allSatisfy(events.contains), "told: \(facts.notes)")
      try world.expect(Set(facts.effects).count == 3, "done: \(facts.effects)")
    }
  }
  // readme:end
}
