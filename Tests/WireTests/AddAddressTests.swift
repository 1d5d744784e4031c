import PacketForge
import Testing
import Wire

/// ADD_ADDR: version 0 and 1, IPv4 and IPv6, with and without port, announced and echoed.
@Suite struct AddAddressTests {
    private static let v4: [UInt8] = [10, 2, 0, 2]
    private static let v6: [UInt8] = [0x20, 0x01, 0x0d, 0xb8] + Array(repeating: 0, count: 11) + [2]
    private static let port: [UInt8] = [0x13, 0x88]
    private static let announcement = AddAddress.Kind.announcement(.init(0x0102_0304_0506_0708))

    @Test(
        arguments: [
            // Subtype with the echo flag (in version 0: the IP version), address ID, address, port, HMAC.
            ([30, 16, 0x30, 7] + v4 + counting(8), announcement, nil),
            ([30, 18, 0x30, 7] + v4 + port + counting(8), announcement, 5000),
            ([30, 28, 0x30, 7] + v6 + counting(8), announcement, nil),
            ([30, 30, 0x30, 7] + v6 + port + counting(8), announcement, 5000),
            ([30, 8, 0x31, 7] + v4, .echo, nil),
            ([30, 10, 0x31, 7] + v4 + port, .echo, 5000),
            ([30, 20, 0x31, 7] + v6, .echo, nil),
            ([30, 22, 0x31, 7] + v6 + port, .echo, 5000),
            ([30, 8, 0x34, 7] + v4, .version0, nil),
            ([30, 10, 0x34, 7] + v4 + port, .version0, 5000),
            ([30, 20, 0x36, 7] + v6, .version0, nil),
            ([30, 22, 0x36, 7] + v6 + port, .version0, 5000),
        ] as [([UInt8], AddAddress.Kind, UInt16?)])
    func form(bytes: [UInt8], kind: AddAddress.Kind, port: UInt16?) throws {
        let isIPv6 = bytes[4] == 0x20
        let expected = AddAddress(
            kind: kind, addressID: AddressID(7), address: IPAddress(isIPv6 ? "2001:db8::2" : "10.2.0.2")!, port: port)
        #expect(try content(bytes) == .multipath(.addAddress(expected)))
        #expect(MultipathOption.addAddress(expected).bytes == bytes)
        #expect(expected.isEcho == (kind == .echo))
    }

    /// Neither version's: an IP version that contradicts the length, without an HMAC.
    @Test(arguments: [[30, 20, 0x34, 7] + v6, [30, 8, 0x36, 7] + v4, [30, 8, 0x30, 7] + v4, [30, 20, 0x30, 7] + v6])
    func contradiction(bytes: [UInt8]) {
        #expect(optionError(bytes) == .badMultipathOption(subtype: 3, length: bytes.count, offset: 40))
    }

    /// It would be taken for IPv4 (RFC 4291 section 2.5.5.2).
    @Test(arguments: [0x31, 0x36] as [UInt8])
    func mappedAddress(head: UInt8) {
        let bytes = [30, 20, head, 7] + IPAddress("10.2.0.2")!.bytes
        #expect(optionError(bytes) == .badMultipathOption(subtype: 3, length: 20, offset: 40))
    }
}
