import CairnKV
import Testing

@testable import CairnEngine

/// The verdict, as the format's description has it, and as the reader gives it on real bytes.
@Suite struct FrameVerdictTests {
  private static let table = """
    found           none     marked   beforeEnd  atEnd
    valid           take     take     take       end
    endOfFile       end      damaged  damaged    end
    foreign         end      damaged  damaged    end
    incomplete      end      damaged  damaged    end
    damagedPayload  end      damaged  damaged    end
    misplaced       damaged  damaged  damaged    end
    unchained       end      damaged  damaged    end
    malformed       damaged  damaged  damaged    end
    """

  private static func rows(_ table: String) -> [[String]] {
    table.split(separator: "\n").map { $0.split(separator: " ").map { String($0) } }
  }

  @Test func theTableIsAsDescribed() throws {
    let rows = Self.rows(Self.table)
    var seen: Set<FrameCondition> = []
    for row in rows.dropFirst() {
      let condition = try #require(FrameCondition(rawValue: row[0]))
      seen.insert(condition)
      for (name, verdict) in zip(rows[0], row).dropFirst() {
        let evidence = try #require(FrameEvidence(rawValue: name))
        #expect(FrameVerdict.of(condition, evidence).rawValue == verdict, "\(condition) \(evidence)")
      }
    }
    #expect(seen == Set(FrameCondition.allCases))
    #expect(Set(rows[0].dropFirst()) == Set(FrameEvidence.allCases.map(\.rawValue)))
  }

  // MARK: On bytes

  /// What can stand where the second frame should begin. `unmarked` is a later frame that vouches up to
  /// that place and no further. A dash: such a file cannot be.
  private static let images = """
    found             none     unmarked  marked   beforeEnd  atEnd
    valid             take     take      take     take       end
    endOfFile         end      -         -        damaged    end
    lessThanAHeader   end      -         -        damaged    end
    zeros             end      end       damaged  damaged    end
    stale             end      end       damaged  damaged    end
    damagedHeader     end      end       damaged  damaged    end
    incomplete        end      end       damaged  damaged    end
    absurdLength      damaged  damaged   damaged  damaged    end
    damagedPayload    end      end       damaged  damaged    end
    tornPayload       end      end       damaged  damaged    end
    misplaced         damaged  damaged   damaged  damaged    end
    unchained         end      end       damaged  damaged    end
    markPastItself    damaged  damaged   damaged  damaged    end
    sequenceTooGreat  damaged  damaged   damaged  damaged    end
    sequenceGoesBack  damaged  damaged   damaged  damaged    end
    emptyGroup        damaged  damaged   damaged  damaged    end
    fullSeal          damaged  damaged   damaged  damaged    end
    editInALog        damaged  damaged   damaged  damaged    end
    carried           take     take      take     take       end
    emptyCarried      damaged  damaged   damaged  damaged    end
    pastTheEnd        take     -         -        damaged    end
    """

  @Test(arguments: [true, false]) func theReaderDecidesAsDescribed(sharingPage: Bool) throws {
    let rows = Self.rows(Self.images)
    for row in rows.dropFirst() {
      for (evidence, expected) in zip(rows[0], row).dropFirst() where expected != "-" {
        let found = try Self.outcome(row[0], evidence, sharingPage: sharingPage)
        #expect(found == expected, "\(row[0]) with evidence \(evidence)")
      }
    }
  }

  /// - Parameter sharingPage: Whether the second frame, or what there is of it, follows right behind the first.
  private static func outcome(_ found: String, _ evidence: String, sharingPage: Bool) throws -> String {
    let image = try FrameImage()
    try image.append(100, sequence: 10)
    let place = image.writer.end.offset
    let page = FrameImage.page
    let border = FrameFile.roundedUp(place)
    try image.file.truncate(to: border + 6 * page)
    try write(found, to: image, at: sharingPage ? place : border, sharingPage: sharingPage)
    switch evidence {
    case "marked": try image.putSeal(at: border + 3 * page, marking: place + 1)
    case "unmarked": try image.putSeal(at: border + 3 * page, marking: place)
    default: break
    }
    let end: FrameFileHeader.End? =
      switch evidence {
      case "beforeEnd": .init(number: 5, offset: border + 2 * page, checksum: 1)
      case "atEnd": image.writer.end
      default: nil
      }
    let reader = try FrameReader(image.file, purpose: .log, end: end)
    let first = try #require(try reader.next())
    #expect(first.header.firstSequence == 10)
    do throws(StorageError) {
      return try reader.next() == nil ? "end" : "take"
    } catch {
      #expect(error.code == .corruption)
      #expect(error.file == "image.log")
      #expect([place, border].contains(error.offset))
      return "damaged"
    }
  }

  private static func write(
    _ found: String, to image: FrameImage, at place: UInt64, sharingPage: Bool
  ) throws {
    var payload = [UInt8](repeating: 3, count: 5000)
    var frame = image.nextFrame(payload: payload, sequence: 11, sharingPage: sharingPage)
    switch found {
    case "valid": break
    case "endOfFile": return try image.file.truncate(to: place)
    case "lessThanAHeader":
      try image.put(frame, payload: payload, at: place)
      return try image.file.truncate(to: place + 63)
    case "zeros": return
    case "stale": frame.salt += 1
    case "damagedHeader":
      try image.put(frame, payload: payload, at: place)
      let byte = try image.file.readBytes(1, at: place + 30)[0]
      return try image.file.writeBytes([byte ^ 4], at: place + 30)
    case "incomplete": frame.payloadBytes = 1 << 20
    case "absurdLength": frame.payloadBytes = .max - 3
    case "damagedPayload": payload[4500] ^= 1
    case "tornPayload": payload.replaceSubrange(4032..., with: [UInt8](repeating: 0, count: 968))
    case "misplaced": frame.offset += FrameImage.page
    case "unchained": frame.previousChecksum ^= 1
    case "markPastItself": frame.durableThrough = place + 1
    case "sequenceTooGreat": frame.firstSequence = EntryTrailer.firstOwnSequence + 1
    case "sequenceGoesBack": frame.firstSequence = 9
    case "emptyGroup": frame.batchCount = 0
    case "fullSeal":
      frame.kind = .seal
      frame.batchCount = 0
    case "editInALog": frame.kind = .edit
    case "carried": frame.kind = .carried
    case "emptyCarried":
      frame.kind = .carried
      frame.batchCount = 0
    case "pastTheEnd":
      payload = [UInt8](repeating: 3, count: 14_000)
      frame = image.nextFrame(payload: payload, sequence: 11, sharingPage: sharingPage)
    default: Issue.record("no such image: \(found)")
    }
    try image.put(frame, payload: payload, at: place)
  }

  @Test func aSuccessorThatNamesAnotherEndConvicts() throws {
    let image = try FrameImage()
    try image.append(100, sequence: 10)
    var end = image.writer.end
    end.checksum ^= 1
    let reader = try FrameReader(image.file, purpose: .log, end: end)
    _ = try reader.next()
    let error = #expect(throws: StorageError.self) { _ = try reader.next() }
    #expect(error?.code == .corruption)
    #expect(error?.offset == end.offset)

    for wrong in [
      FrameFileHeader.End(number: 6, offset: end.offset, checksum: 0),
      .init(number: 5, offset: 0, checksum: 0),
    ] {
      #expect(throws: StorageError.self) { _ = try FrameReader(image.file, purpose: .log, end: wrong) }
    }
  }

  @Test func aFileShorterThanItsHeaderIsDamaged() throws {
    let bytes = try FrameImage().file.bytes
    for count in [0, 1, 64, 4095] {
      let error = #expect(throws: StorageError.self) {
        _ = try FrameReader(MemoryFile(Array(bytes[..<count])), purpose: .log)
      }
      #expect(error?.code == .corruption)
    }
    #expect(throws: StorageError.self) { _ = try FrameReader(MemoryFile(bytes), purpose: .manifest) }
    #expect(try FrameReader(MemoryFile(bytes), purpose: .log).next() == nil)
  }
}
