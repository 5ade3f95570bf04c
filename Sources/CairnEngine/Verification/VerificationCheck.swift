/// An invariant of the files of a store, by the name under which ``VerificationReport`` tells of it.
///
/// Each cites the section of `format-spec.md` that states it; the page has the same table. Cases are added:
/// always handle a `default`.
public enum VerificationCheck: String, Hashable, Sendable, CaseIterable {
  // MARK: Manifest

  /// There is a manifest ("Recovery", 1).
  case manifestPresent
  /// The header page of a log or manifest: purpose, checksum, version, reserved bytes ("Header page").
  case frameFileHeader
  /// The frames of a log or manifest, up to where the verdict lets them end ("The verdict").
  case frames
  /// The payload of each manifest frame is an edit ("Manifest").
  case manifestEdit
  /// Each edit agrees with the state before it, rules 1 to 12 ("Manifest").
  case manifestState
  /// A manifest begins with an edit that is the whole state ("Manifest").
  case manifestSnapshot
  /// All numbers of listed files are below the next file number ("Manifest").
  case numberBounds

  // MARK: Files

  /// Every file listed is there, and can be opened ("Recovery", 2 and 3).
  case listedFilePresent
  /// Segments and value files have the length listed ("Recovery", 2).
  case listedFileLength

  // MARK: Logs

  /// A log's header has the number of its name ("Recovery", 3).
  case logNumber
  /// Each log but the oldest names the one before it ("Recovery", 3).
  case logSuccession
  /// The payloads of group and carried frames are batches, and nothing else ("Batches").
  case logBatches
  /// Sequence numbers are contiguous over all logs ("Frame").
  case logSequence
  /// The logs reach the manifest's last sequence ("Recovery", 4).
  case logReachesManifest
  /// No log that is not listed holds commits that the listed ones do not ("Recovery", 6).
  case strayLog

  // MARK: Segments

  /// The footer: magic, version, checksum, number, reserved bytes, places that tile the file ("Segment",
  /// "Footer").
  case segmentFooter
  /// Each stored block is within the limit and the file, and has its checksum ("Stored block").
  case blockChecksum
  /// Each stored block unfolds: compression, lengths, zstd's own content size ("Stored block").
  case blockPayload
  /// The properties decode, and do not contradict themselves ("Properties").
  case segmentProperties
  /// They are those that the manifest repeats ("Manifest").
  case segmentListed
  /// The dictionary is one ("Dictionary").
  case segmentDictionary
  /// The range removals decode, are in order, and as many as the properties say ("Range removals").
  case segmentRangeRemovals
  /// The filters decode; they are there only with entries ("Filters").
  case segmentFilters
  /// The index decodes, is as long as the properties say, and its places tile the data ("Index").
  case segmentIndex
  /// Each data block decodes: lengths, kinds, strict order ("Block of entries").
  case blockEntries
  /// Each data block begins with the index's entry and ends before the next one's ("What a reader must
  /// check").
  case blockInIndex
  /// Sequence numbers of entries and range removals are within the properties' ("Properties").
  case segmentSequences
  /// Keys of entries and bounds of range removals are within the properties' bounds ("Properties").
  case segmentBounds
  /// Values, removals and raw bytes are what the properties say ("Properties").
  case segmentCounts
  /// The stored bytes of all handles are the properties' referenced bytes ("Properties").
  case segmentReferences
  /// The filters have every key, and every prefix by their rule ("Filters").
  case filterMembership

  // MARK: Levels

  /// Below level 0 no two segments of a level share a key ("Manifest", rule 6).
  case levelOrder
  /// What a level has of a key is at least as new as what deeper ones have, and in level 0 what comes first
  /// ("Manifest").
  case levelAge

  // MARK: Value files

  /// The footer: magic, version, checksum, number, reserved bytes, room for the index ("Value files",
  /// "Footer").
  case valueFooter
  /// The index: checksum, order of names, lengths, and that it accounts for the whole file ("Index").
  case valueIndex
  /// What the index holds agrees with the manifest ("In the manifest").
  case valueFileListed
  /// Each record's chunk table has its checksum, and its lengths add up ("Record").
  case valueTable
  /// Each chunk has its checksum ("Record").
  case valueChunk
  /// Each compressed chunk is one zstd frame of the right length ("Record").
  case valueChunkPayload
  /// Each handle names a record that is live, and is in its origin's file with these lengths ("Handle").
  case handleRecord
  /// No two entries refer to one record ("Compaction").
  case handleUnique
  /// What is live is referred to, record by record and in bytes ("In the manifest").
  case livenessExact
}
