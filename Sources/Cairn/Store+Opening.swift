public import CairnEngine

extension Store {
  /// Opens the store in the directory at `path`, creating it if need be, on Cairn's embedded engine.
  ///
  /// The directory's parent must exist. One handle in one process has a store open at a time.
  /// - Parameters:
  ///   - path: The store's directory.
  ///   - options: The engine's options; the defaults are meant to be right.
  ///   - environment: Files, time, randomness and threads: the system's, or a simulation's.
  /// - Throws: `StoreError.storage` with `.locked` when it is open elsewhere, with `.corruption` when its
  ///   files are not as they were left, and what ``init(over:time:)`` throws.
  public static func open(
    _ path: String, options: EngineOptions = EngineOptions(), environment: Environment = .system
  ) async throws(StoreError) -> Store {
    let engine: Engine
    do throws(StorageError) {
      engine = try await Engine.open(at: path, options: options, environment: environment)
    } catch {
      throw .storage(error)
    }
    return try await Store(over: engine, time: environment.time)
  }
}
