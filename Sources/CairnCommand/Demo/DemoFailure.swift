/// Why the demo cannot go on: one line for the person at the terminal, that says what and what to do.
struct DemoFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
