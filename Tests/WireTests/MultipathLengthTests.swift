import PacketForge
import Testing
import Wire

/// Every length of every MPTCP subtype: sound, or an error that names it.
@Suite struct MultipathLengthTests {
    /// The third byte, and the lengths that its subtype's forms have.
    @Test(
        arguments: [
            (0x00, [12, 20]), (0x01, [4, 12, 20, 22, 24]), (0x02, Array(4...40)), (0x0f, Array(4...40)),
            (0x10, [12, 16, 24]), (0x11, [12, 16, 24]),
            // Announced with HMAC: 4 bytes of head, address, 0 or 2 of port, 8 of HMAC. An echo has none.
            (0x30, [16, 18, 28, 30]), (0x31, [8, 10, 20, 22]), (0x34, [8, 10, 16, 18, 28, 30]),
            (0x36, [16, 18, 20, 22, 28, 30]), (0x40, Array(4...40)), (0x50, [3, 4]), (0x60, [12]), (0x70, [12]),
            (0x80, [4]),
            (0x90, Array(3...40)), (0xf0, Array(3...40)),
        ] as [(UInt8, [Int])])
    func lengths(head: UInt8, sound: [Int]) {
        for length in 3...40 {
            let rest = [UInt8](repeating: 1, count: length - 3)
            let expected: WireError? =
                sound.contains(length)
                ? nil : .badMultipathOption(subtype: head >> 4, length: length, offset: 40)
            #expect(optionError([30, UInt8(length), head] + rest) == expected, "length \(length)")
        }
        #expect(optionError([30, 2]) == .badOptionLength(kind: 30, length: 2, offset: 40))
    }

    /// The flags of a DSS say how long it is; a checksum may follow a mapping.
    @Test(arguments: UInt8(0)...255)
    func dataSequenceSignal(flags: UInt8) {
        let acknowledgement = flags & 1 == 0 ? 0 : flags & 2 == 0 ? 4 : 8
        let mapping = flags & 4 == 0 ? 0 : (flags & 8 == 0 ? 4 : 8) + 6
        let length = 4 + acknowledgement + mapping
        for stated in 4...40 {
            let isSound = stated == length || mapping > 0 && stated == length + 2
            let error = optionError([30, UInt8(stated), 0x20, flags] + Array(repeating: 0, count: stated - 4))
            #expect(error == (isSound ? nil : .badMultipathOption(subtype: 2, length: stated, offset: 40)))
        }
        #expect(optionError([30, 3, 0x20]) == .badMultipathOption(subtype: 2, length: 3, offset: 40))
    }

    @Test func offsetsAndNames() throws {
        let (contents, error) = try read([4, 2, 1, 1, 3, 3, 7, 30, 11, 0x60] + counting(8))
        #expect(contents == [.sackPermitted, .windowScale(7)])
        #expect(error == .badMultipathOption(subtype: 6, length: 11, offset: 47))
        #expect(error?.description == "bad MP_FAIL at 47: length 11")
    }
}
