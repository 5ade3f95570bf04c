/// Why a command cannot go on: one line for the person at the terminal, that says what and what to do.
struct CommandFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
