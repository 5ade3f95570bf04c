import CairnKV

/// Everything in a store as it was at one moment. It reads; what it reads does not change.
///
/// It lives as long as the body of the ``Store/read(_:)`` that made it: it cannot be copied, kept, or carried
/// across an `await`, which the compiler checks.
public struct Snapshot: ~Copyable {
  let source: RecordSource

  init(_ reader: any KeyValueReader) {
    source = RecordSource(reader: reader)
  }
}
