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

extension Store {
  /// Opens the store in the directory at `path` for reading only: one that is closed, a backup, or one that another
  /// process has open. Writes nothing, and disturbs nobody; see ``CairnEngine/ReadOnlyEngine``.
  ///
  /// What is read is the store as it was when it was opened. Open it again to see what has come since.
  /// - Throws: `StoreError.storage` with `.invalidArgument` when there is no store, with `.readOnly` when it was never
  ///   used, with `.corruption` when its files are not as they were left, and what ``init(over:time:)`` throws. Every
  ///   write throws `StoreError.storage` with `.readOnly`.
  public static func openReadOnly(
    _ path: String, options: EngineOptions = EngineOptions(), environment: Environment = .system
  ) async throws(StoreError) -> Store {
    let engine: ReadOnlyEngine
    do throws(StorageError) {
      engine = try await ReadOnlyEngine.open(at: path, options: options, environment: environment)
    } catch {
      throw .storage(error)
    }
    return try await Store(over: engine, time: environment.time)
  }
}
