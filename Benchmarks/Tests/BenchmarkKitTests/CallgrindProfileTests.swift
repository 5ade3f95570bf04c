import BenchmarkKit
import Testing

@Suite struct CallgrindProfileTests {
  /// Costs of a function itself are counted, those of what it calls are not counted again; names are given once.
  @Test func whatAFunctionTakesItselfIsCounted() {
    let profile = CallgrindProfile(
      """
      events: Ir
      ob=(1) program
      fn=(1) main
      16 100
      +2 7
      cfn=(2) swift_retain
      calls=3 12
      18 3000
      fn=(2)
      20 5
      * 6
      fn=(3) __memmove_avx_unaligned_erms
      -4 40
      fn=(1)
      30 3
      totals: 161
      """)
    #expect(profile.instructions == [.other: 110, .referenceCounting: 11, .copying: 40])
  }

  /// A library without names is told by its own.
  @Test func libraryOfACompressorIsEnough() {
    let profile = CallgrindProfile(
      """
      ob=(1) /bin/program
      fn=(1) main
      1 5
      cob=(2) /lib/libzstd.so.1
      cfn=(2) 0x00000000000978d0
      calls=1 0
      1 100
      cfn=(3) helper
      calls=1 0
      1 7
      ob=(2)
      fn=(2)
      0 100
      fn=(4) 0x000000000000beef
      0 50
      ob=(1)
      fn=(3)
      0 7
      """)
    #expect(profile.instructions == [.other: 12, .compression: 150])
  }

  @Test func sharesAreOfTheDifference() {
    let fewer = CallgrindProfile("fn=(1) main\n1 1000\nfn=(2) free\n1 10")
    let more = CallgrindProfile("fn=(1) main\n1 1300\nfn=(2) free\n1 110")
    #expect(more.shares(beyond: fewer) == ["the rest": 0.75, "allocation": 0.25])
    #expect(fewer.shares(beyond: fewer) == [:])
  }

  @Test(arguments: [
    ("swift_release", InstructionKind.referenceCounting), ("_swift_release_dealloc", .allocation),
    ("cairn_crc32c_hardware", .checksum), ("$s11CairnEngine10EntryOrderO7compare", .comparison),
    ("swift_beginAccess", .accessChecks), ("ZSTD_compress_usingCDict", .compression),
    ("__libc_pwrite", .system), ("$s11CairnEngine8SkipListC6insert", .other),
  ]) func functionsAreToldByTheirNames(name: String, kind: InstructionKind) {
    #expect(InstructionKind(function: name) == kind)
  }
}
