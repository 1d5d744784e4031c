import Testing

@testable import HandOver

@Suite struct HandOverRecordTests {
    private let record = HandOverRecord([
        .listeners: .init([1, 2], descriptors: 1), .sessions: .init([3], descriptors: 4), .orders: .init([]),
    ])

    @Test func sectionsComeBack() throws {
        let read = try HandOverRecord(decoding: record.encoded, descriptors: 5)
        #expect(read == record)
        #expect(read[.sessions] == .init([3], descriptors: 4))
        #expect(read[.tracking] == .init([]))
    }

    @Test func whatIsCutShortIsRefused() {
        let bytes = record.encoded
        for length in bytes.indices {
            #expect(throws: RecordError.self) {
                try HandOverRecord(decoding: Array(bytes[..<length]), descriptors: 5)
            }
        }
        #expect(throws: RecordError.surplus(1)) { try HandOverRecord(decoding: bytes + [0], descriptors: 5) }
    }

    @Test(arguments: [0, 4, 6]) func anotherNumberOfDescriptorsIsRefused(_ found: Int) {
        #expect(throws: RecordError.descriptors(expected: 5, found: found)) {
            try HandOverRecord(decoding: record.encoded, descriptors: found)
        }
    }

    @Test func anotherVersionIsRefused() {
        var bytes = record.encoded
        bytes[4] = 9
        #expect(throws: RecordError.unknownVersion(9)) { try HandOverRecord(decoding: bytes, descriptors: 5) }
    }

    @Test func whatIsNoRecordIsRefused() {
        #expect(throws: RecordError.noRecord) {
            try HandOverRecord(decoding: Array(repeating: 7, count: 100), descriptors: 0)
        }
    }

    /// The first section's number is at byte 8.
    @Test(arguments: [2, 99] as [UInt8]) func aSectionThatIsUnknownOrThereTwiceIsRefused(_ number: UInt8) {
        var bytes = record.encoded
        bytes[8] = number
        #expect(throws: RecordError.section(UInt16(number))) { try HandOverRecord(decoding: bytes, descriptors: 5) }
    }

    @Test func aMissingSectionIsRefused() {
        var writer = RecordWriter()
        writer.write(UInt32(0x53_4c_48_4f))
        writer.write(HandOverRecord.version)
        writer.write(UInt16(0))
        #expect(throws: RecordError.section(1)) { try HandOverRecord(decoding: writer.bytes, descriptors: 0) }
    }
}

@Suite struct HandOverMessageTests {
    static let all: [HandOverMessage] = [
        .hello(1), .offer([1, 2, 3]), .prepared, .record([4], isLast: false), .record([], isLast: true), .ready,
        .commit(isSubstituted: true), .commit(isSubstituted: false), .cleared, .begun, .refused("no"),
    ]

    @Test(arguments: all) func messagesComeBack(_ message: HandOverMessage) throws {
        #expect(try HandOverMessage(decoding: message.encoded) == message)
        for length in message.encoded.indices {
            #expect(throws: RecordError.self) { try HandOverMessage(decoding: Array(message.encoded[..<length])) }
        }
        #expect(throws: RecordError.surplus(1)) { try HandOverMessage(decoding: message.encoded + [0]) }
    }

    @Test(arguments: [[], [0], [10], [255, 1]] as [[UInt8]]) func othersAreRefused(_ bytes: [UInt8]) {
        #expect(throws: RecordError.self) { try HandOverMessage(decoding: bytes) }
    }
}

@Suite struct HandOverOfferTests {
    private let offer = HandOverOffer(
        hasGuard: true, dataQueues: 2, fixed: ["tun": "sluice0", "queue_base": "7700"], steersSubflows: true)

    @Test func offersComeBack() throws {
        #expect(try HandOverOffer(decoding: offer.encoded, descriptors: 6) == offer)
        #expect(throws: RecordError.descriptors(expected: 6, found: 5)) {
            try HandOverOffer(decoding: offer.encoded, descriptors: 5)
        }
        for length in offer.encoded.indices {
            #expect(throws: RecordError.self) {
                try HandOverOffer(decoding: Array(offer.encoded[..<length]), descriptors: 6)
            }
        }
    }

    @Test func aClusterIsOfferedToo() throws {
        var cluster = offer
        (cluster.hasPeers, cluster.clusterNonce) = (true, .max - 1)
        #expect(try HandOverOffer(decoding: cluster.encoded, descriptors: 7) == cluster)
        #expect(throws: RecordError.descriptors(expected: 7, found: 6)) {
            try HandOverOffer(decoding: cluster.encoded, descriptors: 6)
        }
    }

    @Test func differencesAreNamed() {
        #expect(offer.differences(from: ["tun": "sluice0", "queue_base": "7700"]) == [])
        #expect(offer.differences(from: ["tun": "tun7", "route_table": "1"]) == ["queue_base", "route_table", "tun"])
    }
}
