import PacketForge
import Testing
import Wire

/// Every MPTCP option but DSS and ADD_ADDR in every form of version 1 (RFC 8684) and 0 (RFC 6824), both ways.
@Suite struct MultipathOptionTests {
    private static let sender = MultipathKey(0x0102_0304_0506_0708)
    private static let receiver = MultipathKey(0x090a_0b0c_0d0e_0f10)
    private static let v0: MPCapable.Flags = [.checksumRequired, .hmac]

    @Test(arguments: [
        // Subtype and version, flags, keys, data-level length, checksum.
        ([30, 4, 0x01, 0x01], MPCapable(version: 1, flags: .hmac, form: .bare)),
        (
            [30, 4, 0x01, 0xe1],
            .init(version: 1, flags: [.checksumRequired, .extensibility, .denyJoin, .hmac], form: .bare)
        ),
        (
            [30, 12, 0x01, 0x21] + counting(8),
            .init(version: 1, flags: [.denyJoin, .hmac], form: .key(sender: sender))
        ),
        (
            [30, 20, 0x01, 0x01] + counting(16),
            .init(version: 1, flags: .hmac, form: .keys(sender: sender, receiver: receiver))
        ),
        (
            [30, 22, 0x01, 0x01] + counting(16) + [0x05, 0xb4],
            .init(
                version: 1, flags: .hmac,
                form: .data(sender: sender, receiver: receiver, length: 1460, checksum: nil))
        ),
        (
            [30, 24, 0x01, 0x81] + counting(16) + [0x05, 0xb4, 0xbe, 0xef],
            .init(
                version: 1, flags: v0,
                form: .data(sender: sender, receiver: receiver, length: 1460, checksum: 0xbeef))
        ),
        ([30, 12, 0x00, 0x81] + counting(8), .init(version: 0, flags: v0, form: .key(sender: sender))),
        (
            [30, 20, 0x00, 0x81] + counting(16),
            .init(version: 0, flags: v0, form: .keys(sender: sender, receiver: receiver))
        ),
    ])
    func capable(bytes: [UInt8], expected: MPCapable) throws {
        try check(bytes, .capable(expected), "MP_CAPABLE")
        let keys =
            bytes.count >= 20 ? [Self.sender, Self.receiver] : bytes.count == 12 ? [Self.sender, nil] : [nil, nil]
        #expect([expected.senderKey, expected.receiverKey] == keys)
    }

    @Test(arguments: [
        // Subtype and B, address ID, token, nonce.
        (
            [30, 12, 0x10, 2, 0x90, 0xcd, 0x00, 0xd7] + counting(4),
            MPJoin.syn(isBackup: false, addressID: .init(2), token: .init(0x90cd_00d7), nonce: 0x0102_0304)
        ),
        (
            [30, 12, 0x11, 255, 0x90, 0xcd, 0x00, 0xd7] + counting(4),
            .syn(isBackup: true, addressID: .init(255), token: .init(0x90cd_00d7), nonce: 0x0102_0304)
        ),
        // The HMAC's left 64 bits in place of the token.
        (
            [30, 16, 0x11, 3] + counting(12),
            .synAck(
                isBackup: true, addressID: .init(3), hmac: .init(0x0102_0304_0506_0708), nonce: 0x090a_0b0c)
        ),
        (
            [30, 24, 0x10, 0] + counting(20),
            .ack(hmac: .init(high: 0x0102_0304_0506_0708, middle: 0x090a_0b0c_0d0e_0f10, low: 0x1112_1314))
        ),
    ])
    func join(bytes: [UInt8], expected: MPJoin) throws { try check(bytes, .join(expected), "MP_JOIN") }

    @Test(arguments: 1...37)
    func removeAddress(count: Int) throws {
        let ids = counting(count).map { AddressID($0) }
        try check([30, UInt8(3 + count), 0x40] + counting(count), .removeAddress(.init(ids)!), "REMOVE_ADDR")
    }

    @Test func numberOfRemovedAddresses() {
        #expect(RemovedAddresses([]) == nil)
        #expect(RemovedAddresses(counting(38).map { AddressID($0) }) == nil)
        #expect(
            RemovedAddresses(counting(37).map { AddressID($0) }).map { Array($0) } == counting(37).map(AddressID.init))
    }

    @Test(arguments: [
        ([30, 3, 0x50], MPPriority(isBackup: false)), ([30, 3, 0x51], .init(isBackup: true)),
        // Version 0 may name an address.
        ([30, 4, 0x50, 0], .init(isBackup: false, addressID: .init(0))),
        ([30, 4, 0x51, 9], .init(isBackup: true, addressID: .init(9))),
    ])
    func priority(bytes: [UInt8], expected: MPPriority) throws { try check(bytes, .priority(expected), "MP_PRIO") }

    @Test func failAndFastClose() throws {
        try check([30, 12, 0x60, 0] + counting(8), .fail(.init(0x0102_0304_0506_0708)), "MP_FAIL")
        try check([30, 12, 0x70, 0] + counting(8), .fastClose(Self.sender), "MP_FASTCLOSE")
    }

    @Test(arguments: UInt8(0)...15)
    func reset(flags: UInt8) throws {
        for reason in UInt8(0)...255 {
            let reset = MPReset(flags: flags, reason: reason)
            try check([30, 4, 0x80 | flags, reason], .reset(reset), "MP_TCPRST")
            #expect(reset.isTransient == (flags & 1 == 1))
            #expect((reset.reasonText == "unassigned") == (reason > 6))
        }
    }

    @Test(arguments: [
        ([30, 3, 0x90], "UNASSIGNED_9"), ([30, 3, 0xe7], "UNASSIGNED_14"), ([30, 3, 0xf0], "MP_EXPERIMENTAL"),
        ([30, 40, 0xf1] + counting(37), "MP_EXPERIMENTAL"),
        // Of a version to come, in whatever form.
        ([30, 4, 0x02, 0x01], "MP_CAPABLE"), ([30, 9, 0x0f] + counting(6), "MP_CAPABLE"),
    ])
    func unknown(bytes: [UInt8], name: String) throws {
        try check(bytes, .unknown(OptionBytes(bytes.dropFirst(2))), name)
    }

    /// Bits that a form leaves to the future say nothing.
    @Test(arguments: [
        ([30, 12, 0x1e, 2] + counting(8), [30, 12, 0x10, 2] + counting(8)),
        ([30, 24, 0x1f, 9] + counting(20), [30, 24, 0x10, 0] + counting(20)),
        ([30, 12, 0x6f, 9] + counting(8), [30, 12, 0x60, 0] + counting(8)),
        ([30, 12, 0x7f, 9] + counting(8), [30, 12, 0x70, 0] + counting(8)),
        ([30, 4, 0x4f, 1], [30, 4, 0x40, 1]), ([30, 3, 0x5e], [30, 3, 0x50]),
    ])
    func reserved(bytes: [UInt8], same: [UInt8]) throws { #expect(try content(bytes) == content(same)) }

    private func check(_ bytes: [UInt8], _ expected: MultipathOption, _ name: String) throws {
        #expect(try content(bytes) == .multipath(expected))
        #expect(expected.bytes == bytes)
        #expect(expected.subtype == bytes[2] >> 4)
        #expect(expected.name == name)
    }
}
