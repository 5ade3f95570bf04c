import Foundation
import Synchronization

/// Waits, on a thread that is none of the cooperative pool, for what tasks do.
enum TaskWait {
  private final class Outcome<Value: Sendable>: Sendable {
    let result = Mutex<Result<Value, any Error>?>(nil)
    let done = DispatchSemaphore(value: 0)
  }

  static func result<Value: Sendable>(of body: @escaping @Sendable () async throws -> Value) throws -> Value?
  {
    let outcome = Outcome<Value>()
    Task.detached {
      let result: Result<Value, any Error>
      do { result = .success(try await body()) } catch { result = .failure(error) }
      outcome.result.withLock { $0 = result }
      outcome.done.signal()
    }
    outcome.done.wait()
    return try outcome.result.withLock { try $0?.get() }
  }
}
