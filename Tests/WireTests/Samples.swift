import PacketForge
import Wire

/// Options as Linux sends them with a SYN, MPTCP last: MSS, SACK permitted, timestamps, NOP, window scale.
func linuxOptions(_ multipath: [UInt8]) -> [UInt8] {
    [2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7] + multipath
}

enum MultipathBytes {
    /// MP_CAPABLE version 1 with H, as in a SYN.
    static let capable: [UInt8] = [30, 4, 0x01, 0x01]
    static let capableV0: [UInt8] = [30, 12, 0x00, 0x81, 1, 2, 3, 4, 5, 6, 7, 8]
    /// MP_JOIN, address ID 2, token 0x90cd00d7, nonce 0x0a0b0c0d.
    static let join: [UInt8] = [30, 12, 0x10, 2, 0x90, 0xcd, 0x00, 0xd7, 0x0a, 0x0b, 0x0c, 0x0d]
    static let joinBackup: [UInt8] = [30, 12, 0x11, 2, 0x90, 0xcd, 0x00, 0xd7, 0x0a, 0x0b, 0x0c, 0x0d]
}

extension PacketDraft {
    /// The same over IPv6.
    static func ipv6(options: [UInt8] = [], extensions: [(type: UInt8, rest: [UInt8])] = []) -> PacketDraft {
        var draft = PacketDraft(
            source: Endpoint("[fd00:1::2]:43210")!, destination: Endpoint("[fd00:9::2]:80")!, options: options)
        draft.extensions = extensions
        return draft
    }
}
