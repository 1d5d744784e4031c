import Testing
import Wire

@testable import Tracking

// With k = 0x0102030405060708 and l = 0x1112131415161718, and p = lambda n, w: n.to_bytes(w, "big"), in Python 3:
// import hashlib, hmac, ipaddress
@Suite struct KeyDerivationTests {
    private let client = MultipathKey(0x0102_0304_0506_0708)
    private let server = MultipathKey(0x1112_1314_1516_1718)

    // d = hashlib.sha256(p(k, 8)).digest(); d[:4].hex(), d[-8:].hex(); for version 0 hashlib.sha1
    @Test func tokensAndInitialNumbers() {
        #expect(client.token(version: 1) == Token(0x6684_0dda))
        #expect(client.initialDataSequence(version: 1) == DataSequenceNumber(0xf5a1_01d3_d29d_6f72))
        #expect(server.token(version: 1) == Token(0xccad_45ac))
        #expect(server.initialDataSequence(version: 1) == DataSequenceNumber(0x535b_eea3_8e08_7c8e))
        #expect(client.token(version: 0) == Token(0xdd57_83bc))
        #expect(client.initialDataSequence(version: 0) == DataSequenceNumber(0x3a95_ed6e_4ebb_4ad5))
        #expect(server.token(version: 0) == Token(0x3383_d918))
        #expect(server.initialDataSequence(version: 0) == DataSequenceNumber(0x9e1a_e42f_7026_27a9))
    }

    // hmac.new(p(k, 8) + p(l, 8), p(0x01020304, 4) + p(0xa0b0c0d0, 4), "sha256").digest()[:20].hex(), or "sha1"
    @Test(arguments: [
        (UInt8(1), "30c1a5ea36b2e7caab14963ad21bbf91a348b473"), (0, "989d68eed1bc3244e4abaa9898b5f3c5f126645c"),
    ])
    func joinHMACOfTheInitiator(version: UInt8, expected: String) {
        let hmac = KeyPair(own: client, peer: server, version: version)
            .joinHMAC(ownNonce: 0x0102_0304, peerNonce: 0xa0b0_c0d0)
        #expect(hmac.description == "0x" + expected)
    }

    // hmac.new(p(l, 8) + p(k, 8), p(0xa0b0c0d0, 4) + p(0x01020304, 4), "sha256").digest()[:8].hex(), or "sha1"
    @Test(arguments: [(UInt8(1), 0x6e77_617b_ac27_729b as UInt64), (0, 0x6281_44a2_0a8b_ff73)])
    func truncatedJoinHMACOfTheListener(version: UInt8, expected: UInt64) {
        let hmac = KeyPair(own: server, peer: client, version: version)
            .truncatedJoinHMAC(ownNonce: 0xa0b0_c0d0, peerNonce: 0x0102_0304)
        #expect(hmac == TruncatedHMAC(expected))
    }

    // m = bytes([5]) + ipaddress.ip_address("10.9.1.2").packed + p(8080, 2); the port is 0 when there is none
    // hmac.new(p(l, 8) + p(k, 8), m, "sha256").digest()[-8:].hex()
    @Test(arguments: [
        ("10.9.1.2", nil as UInt16?, 0xea4c_9c1c_a846_90bd as UInt64), ("10.9.1.2", 8080, 0x5e2c_098d_8b79_cabe),
        ("2001:db8:9::3", nil, 0xd8ec_0032_0a8c_65fb), ("2001:db8:9::3", 8080, 0x8d20_c34a_d7d6_968d),
    ])
    func addressHMAC(address: String, port: UInt16?, expected: UInt64) throws {
        let hmac = KeyPair(own: server, peer: client, version: 1)
            .addressHMAC(AddressID(5), try #require(IPAddress(address)), port: port)
        #expect(hmac == TruncatedHMAC(expected))
    }
}
