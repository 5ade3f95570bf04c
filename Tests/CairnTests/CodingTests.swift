import Cairn
import Foundation
import Synchronization
import Testing

@Suite struct CodingTests {
  let encoder = CBOREncoder()
  let decoder = CBORDecoder()

  @Test func everythingComesBackAndIsDeterministic() throws {
    let bytes = try encoder.encode(Everything.example)
    #expect(try decoder.decode(Everything.self, from: bytes) == Everything.example)
    #expect(try CBORModel(parsing: bytes).encoded == bytes)
  }

  @Test func theFormIsTheOneInTheSpecification() throws {
    struct State: Codable { var step = 7, name = "x", done = false, raw: [UInt8] = [1], note: String? = nil }
    #expect(
      try encoder.encode(State()) == hexBytes("a4 63726177 4101 64646f6e65 f4 646e616d65 6178 6473746570 07"))
    #expect(try encoder.encode([Int?.none, 1]) == hexBytes("82f601"))
    #expect(try encoder.encode([5: "a"]) == hexBytes("a161356161"))
    #expect(try encoder.encode(Set(["b", "aa", "c"])) == hexBytes("83 6162 6163 626161"))
    #expect(
      try encoder.encode([Point(x: 2, y: 0): 1, Point(x: 1, y: 0): 2])
        == hexBytes(
          "84 a2617801617900 02 a2617802617900 01"))
    #expect(
      try encoder.encode(Shape.circle(radius: 1)) == hexBytes("a1 66636972636c65 a1 66726164697573 f93c00"))
    #expect(try encoder.encode(Everything.Empty()) == [0xA0])
  }

  @Test func dataIsAByteString() throws {
    for count in [0, 1, 23, 24, 300] {
      let data = Data((0..<count).map { UInt8($0 & 0xFF) })
      let bytes = try encoder.encode(data)
      #expect(bytes == (try encoder.encode([UInt8](data))))
      #expect(try decoder.decode(Data.self, from: bytes) == data)
      #expect(try decoder.decode(ContiguousArray<UInt8>.self, from: bytes) == ContiguousArray(data))
    }
  }

  @Test func foundationTypesComeBack() throws {
    struct Mixed: Codable, Equatable {
      var date = Date(timeIntervalSinceReferenceDate: 1.5), url = URL(string: "https://a.b/c"), id = UUID(),
        price = Decimal(string: "12.30")
    }
    let value = Mixed()
    #expect(try decoder.decode(Mixed.self, from: encoder.encode(value)) == value)
    #expect(try encoder.encode(value.date) == hexBytes("f93e00"))
  }

  @Test func classesKeepTheirSuperclasses() throws {
    let dog = Dog()
    (dog.name, dog.tricks) = ("rex", ["roll"])
    let readDog = try decoder.decode(Dog.self, from: encoder.encode(dog))
    #expect(readDog.name == "rex" && readDog.tricks == ["roll"])
    let cat = Cat()
    (cat.name, cat.lives) = ("tom", 8)
    let bytes = try encoder.encode(cat)
    #expect(bytes == hexBytes("a2 646e616d65 63746f6d 656c69766573 08"))
    let readCat = try decoder.decode(Cat.self, from: bytes)
    #expect(readCat.name == "tom" && readCat.lives == 8)
  }

  @Test func nestedContainersMayBeWrittenInAnyOrder() throws {
    let bytes = try encoder.encode(
      Custom { encoder in
        var root = encoder.container(keyedBy: Key.self)
        var list = root.nestedUnkeyedContainer(forKey: "list")
        var map = root.nestedContainer(keyedBy: Key.self, forKey: "map")
        try list.encode(1)
        try map.encode(2, forKey: "b")
        var inner = list.nestedContainer(keyedBy: Key.self)
        try root.encode("z", forKey: "a")
        try map.encode(3, forKey: "a")
        try list.encode(4)
        try inner.encode(5, forKey: "deep")
      })
    #expect(bytes == hexBytes("a3 6161617a 636d6170a2616103616202 646c697374 8301a1646465657005 04"))
  }

  @Test func bytesThenElementsAreAnArray() throws {
    let bytes = try encoder.encode(
      Custom { encoder in
        var list = encoder.unkeyedContainer()
        try list.encode(contentsOf: [1, 200] as [UInt8])
        try list.encode("x")
        try list.encode(contentsOf: [3] as [UInt8])
      })
    #expect(bytes == hexBytes("84 01 18c8 6178 03"))
  }

  @Test func aFailedValueLeavesNoTrace() throws {
    struct Refusal: Error {}
    let bytes = try encoder.encode(
      Custom { encoder in
        var root = encoder.container(keyedBy: Key.self)
        try root.encode(1, forKey: "a")
        try? root.encode(
          Custom { encoder in
            var inner = encoder.container(keyedBy: Key.self)
            try inner.encode("lost", forKey: "x")
            _ = inner.nestedUnkeyedContainer(forKey: "y")
            throw Refusal()
          }, forKey: "b")
        try root.encode(2, forKey: "c")
      })
    #expect(bytes == hexBytes("a2616101616302"))
  }

  @Test func misuseIsAnError() throws {
    func code(_ body: @escaping (any Encoder) throws -> Void) -> CodingFailure.Code? {
      #expect(throws: CodingFailure.self) { try encoder.encode(Custom(body: body)) }?.code
    }
    #expect(
      code { encoder in
        var root = encoder.container(keyedBy: Key.self)
        try root.encode(1, forKey: "a")
        try root.encode(2, forKey: "a")
      } == .invalidValue)
    #expect(
      code { encoder in
        _ = encoder.unkeyedContainer()
        _ = encoder.container(keyedBy: Key.self)
      } == .invalidValue)
    #expect(
      code { encoder in
        var single = encoder.singleValueContainer()
        try single.encode(1)
        try single.encode(2)
      } == .invalidValue)
    #expect(
      code { encoder in
        var root = encoder.container(keyedBy: Key.self)
        let same = root
        try root.encode(
          Custom { _ in
            var same = same
            try same.encode(1, forKey: "b")
          }, forKey: "a")
      } == .invalidValue)
    #expect(
      code { encoder in
        var single = encoder.singleValueContainer()
        try single.encode(Int128.max)
      } == .invalidValue)
  }

  @Test func containersKeptTooLongAreRefused() throws {
    var kept: KeyedEncodingContainer<Key>?
    var keptChild: (any UnkeyedEncodingContainer)?
    let bytes = try encoder.encode(
      Custom { encoder in
        kept = encoder.container(keyedBy: Key.self)
        keptChild = kept?.nestedUnkeyedContainer(forKey: "a")
      })
    #expect(bytes == hexBytes("a1616180"))
    #expect(throws: CodingFailure.self) { try kept?.encode(1, forKey: "b") }
    #expect(throws: CodingFailure.self) { try kept?.encode([true], forKey: "b") }
    #expect(throws: CodingFailure.self) { try keptChild?.encode([true]) }
    var late = try #require(kept)
    var orphan = late.nestedContainer(keyedBy: Key.self, forKey: "c")
    try orphan.encode(1, forKey: "d")
  }

  @Test func aDecoderMayBeKept() throws {
    final class Kept: Decodable {
      let decoder: any Decoder
      init(from decoder: any Decoder) { self.decoder = decoder }
    }
    let kept = try decoder.decode([Kept].self, from: hexBytes("82 01 6161"))
    #expect(try kept[1].decoder.singleValueContainer().decode(String.self) == "a")
  }

  @Test func aFailedElementAfterBytesLeavesThem() throws {
    let bytes = try encoder.encode(
      Custom { encoder in
        var list = encoder.unkeyedContainer()
        try list.encode(contentsOf: [1, 200] as [UInt8])
        try? list.encode(Int128.max)
      })
    #expect(bytes == hexBytes("820118c8"))
  }

  @Test func theDeepestValueFitsASmallStack() throws {
    let outcome = Mutex<Bool?>(nil)
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      let bytes = try? CBOREncoder().encode(Nest.deepest)
      let read = bytes.flatMap { try? CBORDecoder().decode(Nest.self, from: $0) }
      outcome.withLock { $0 = read != nil }
      done.signal()
    }
    thread.stackSize = 512 << 10
    thread.start()
    done.wait()
    #expect(outcome.withLock { $0 } == true)
  }

  @Test func depthIsBoundedBothWays() throws {
    final class Chain: Codable { var next: Chain? }
    func chain(_ length: Int) -> Chain {
      (1..<length).reduce(Chain()) { tail, _ in
        let head = Chain()
        head.next = tail
        return head
      }
    }
    let deepest = try encoder.encode(chain(128))
    _ = try decoder.decode(Chain.self, from: deepest)
    #expect(#expect(throws: CodingFailure.self) { try encoder.encode(chain(129)) }?.code == .tooDeep)
    // Numbers in an array take no frame, but are a level all the same: what is encoded can be decoded.
    struct Row: Codable { var next: [Row] = [], numbers = [1] }
    for depth in 60...70 {
      let rows = (0..<depth).reduce(Row()) { row, _ in Row(next: [row]) }
      guard let bytes = try? encoder.encode(rows) else { continue }
      _ = try decoder.decode(Row.self, from: bytes)
    }
    let deeper = [UInt8](repeating: 0x81, count: 128) + [0x80]
    #expect(
      #expect(throws: CodingFailure.self) { try decoder.decode(Int.self, from: deeper) }?.code == .tooDeep)
    #expect(#expect(throws: CodingFailure.self) { try encoder.encode(Endless()) }?.code == .tooDeep)
    #expect(
      #expect(throws: CodingFailure.self) { try decoder.decode(Endless.self, from: [0x00]) }?.code == .tooDeep
    )
  }

  @Test func errorsNameTheField() throws {
    struct Order: Codable { var price: Int }
    struct Book: Codable { var orders: [Order] }
    func failure(_ hex: String) -> CodingFailure? {
      #expect(throws: CodingFailure.self) { try decoder.decode(Book.self, from: hexBytes(hex)) }
    }
    let mismatch = failure("a1666f726465727382a1657072696365 01 a1657072696365 6178")
    #expect(mismatch?.code == .typeMismatch && mismatch?.path == "orders.1.price" && mismatch?.offset == 24)
    let missing = failure("a1666f726465727382a1657072696365 01 a0")
    #expect(missing?.code == .keyNotFound && missing?.path == "orders.1")
    let null = failure("a1666f726465727381a1657072696365 f6")
    #expect(null?.code == .valueNotFound && null?.path == "orders.0.price")
    #expect(null?.description.contains("orders.0.price") == true)
    let own = #expect(throws: CodingFailure.self) {
      try decoder.decode(Colour.self, from: hexBytes("64626c7565"))
    }
    #expect(own?.code == .rejected)
  }

  @Test func theEncoderNamesTheFieldToo() throws {
    let error = #expect(throws: CodingFailure.self) {
      try encoder.encode(["a": [1, .max] as [Int128]])
    }
    #expect(error?.path == "a.1")
  }

  @Test func numbersConvertOnlyExactly() throws {
    #expect(try decoder.decode(Double.self, from: hexBytes("03")) == 3)
    #expect(try decoder.decode(Double.self, from: hexBytes("22")) == -3)
    #expect(throws: CodingFailure.self) {
      try decoder.decode(Double.self, from: hexBytes("1bffffffffffffffff"))
    }
    #expect(throws: CodingFailure.self) {
      try decoder.decode(Float.self, from: hexBytes("fb3ff199999999999a"))
    }
    #expect(throws: CodingFailure.self) { try decoder.decode(Int.self, from: hexBytes("f93c00")) }
    #expect(throws: CodingFailure.self) { try decoder.decode(UInt8.self, from: hexBytes("190100")) }
    #expect(throws: CodingFailure.self) { try decoder.decode(UInt.self, from: hexBytes("20")) }
    #expect(throws: CodingFailure.self) {
      try decoder.decode(Int64.self, from: hexBytes("3b8000000000000000"))
    }
    #expect(try decoder.decode(Int64.self, from: hexBytes("3b7fffffffffffffff")) == .min)
    #expect(try decoder.decode(Float.self, from: hexBytes("f97e00")).isNaN)
  }

  @Test func userInfoReachesTheTypes() throws {
    var (encoder, decoder) = (encoder, decoder)
    encoder.userInfo[.tenant] = "t1"
    decoder.userInfo[.tenant] = "t2"
    let bytes = try encoder.encode([Tenant()])
    #expect(try decoder.decode([String].self, from: bytes) == ["t1"])
    #expect(try decoder.decode([Tenant].self, from: bytes).first?.seen == "t2")
  }
}

/// A list of lists, each level of which takes two frames: the struct and its array.
private struct Nest: Codable {
  var inner: [Nest] = []

  static var deepest: Nest {
    (1..<64).reduce(Nest()) { nest, _ in Nest(inner: [nest]) }
  }
}

/// A value that contains itself.
private struct Endless: Codable {
  init() {}
  init(from decoder: any Decoder) throws { self = try decoder.singleValueContainer().decode(Endless.self) }
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(self)
  }
}

private struct Tenant: Codable {
  var seen = ""
  init() {}
  init(from decoder: any Decoder) throws { seen = decoder.userInfo[.tenant] as? String ?? "" }
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(encoder.userInfo[.tenant] as? String ?? "")
  }
}

extension CodingUserInfoKey {
  fileprivate static var tenant: CodingUserInfoKey {
    CodingUserInfoKey(rawValue: "tenant") ?? .init(rawValue: "")!
  }
}
