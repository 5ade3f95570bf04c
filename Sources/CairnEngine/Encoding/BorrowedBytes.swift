import CairnKV

/// Lends an array's memory to `body`, keeping the type of what it throws: `Array.withUnsafeBytes` does not.
@inline(__always)
func withBytes<Result, Failure: Error>(
  of bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
  try bytes.withUnsafeBufferPointer { (elements) throws(Failure) in try body(UnsafeRawBufferPointer(elements))
  }
}
