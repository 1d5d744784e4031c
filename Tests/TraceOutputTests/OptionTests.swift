import Foundation
import PacketForge
import Testing
import Tracking
import Wire

struct OptionTests {
    static let plain: [(TCPOptionContent, json: String, text: String)] = [
        (.maximumSegmentSize(1460), #"{"kind": 2, "name": "mss", "value": 1460}"#, "mss 1460"),
        (.windowScale(7), #"{"kind": 3, "name": "window_scale", "value": 7}"#, "wscale 7"),
        (.sackPermitted, #"{"kind": 4, "name": "sack_permitted"}"#, "sackOK"),
        (
            .sack(
                SACKBlocks([
                    .init(left: SequenceNumber(1), right: SequenceNumber(2)),
                    .init(left: SequenceNumber(7), right: SequenceNumber(4_294_967_295)),
                ])!),
            #"{"kind": 5, "name": "sack", "blocks": [{"left": 1, "right": 2}, {"left": 7, "right": 4294967295}]}"#,
            "sack 1:2 7:4294967295"
        ),
        (
            .timestamps(value: 4_294_967_295, echo: 0),
            #"{"kind": 8, "name": "timestamps", "value": 4294967295, "echo": 0}"#, "TS val 4294967295 ecr 0"
        ),
        (
            .md5Signature(OptionBytes(0..<16)),
            #"{"kind": 19, "name": "md5_signature", "digest": "000102030405060708090a0b0c0d0e0f"}"#,
            "md5 000102030405060708090a0b0c0d0e0f"
        ),
        (
            .userTimeout(isMinutes: true, value: 5),
            #"{"kind": 28, "name": "user_timeout", "value": 5, "unit": "minutes"}"#, "uto 5 min"
        ),
        (
            .authentication(keyID: 1, nextKeyID: 2, code: OptionBytes([0xfe, 0x01])),
            #"{"kind": 29, "name": "tcp_ao", "key_id": 1, "next_key_id": 2, "mac": "fe01"}"#,
            "tcp-ao key 1 next 2 mac fe01"
        ),
        (.fastOpen(cookie: OptionBytes()), #"{"kind": 34, "name": "fast_open", "cookie": ""}"#, "tfo -"),
        (
            .experimental(kind: 254, id: 0xf989, OptionBytes([7])),
            #"{"kind": 254, "name": "experimental", "experiment": "0xf989", "bytes": "07"}"#, "exp 0xf989 07"
        ),
        (
            .other(kind: 99, OptionBytes([1, 0xab])), #"{"kind": 99, "name": "unknown", "bytes": "01ab"}"#,
            "option 99 01ab"
        ),
    ]

    @Test(arguments: plain)
    func anOption(_ option: TCPOptionContent, json: String, text: String) throws {
        let (asJSON, asText) = try rendered(option)
        #expect(asJSON == json)
        #expect(asText == text)
    }

    static let multipath: [(MultipathOption, json: String, text: String)] = handshake + data + signals

    @Test(arguments: multipath)
    func aMultipathOption(_ option: MultipathOption, json: String, text: String) throws {
        let (asJSON, asText) = try rendered(.multipath(option))
        #expect(asJSON == #"{"kind": 30, "name": "mptcp", "subtype": "\#(option.name)", \#(json)}"#)
        #expect(asText == text)
    }

    /// 64 bits where the tracker knows them; what was sent whole needs no tracker.
    @Test func expandedNumbers() throws {
        let short = DataSequenceSignal(
            acknowledgement: .short(5), mapping: .init(sequence: .short(6), subflowSequence: 1, length: 2))
        let numbers = DataNumbers(
            sequence: DataSequenceNumber(1 << 63 | 6), acknowledgement: DataSequenceNumber(1 << 40 | 5))
        let (json, text) = try rendered(.multipath(.dataSequenceSignal(short)), numbers)
        #expect(json.contains(#""data_ack": "5", "data_ack_size": 4, "data_ack_64": "1099511627781""#))
        #expect(json.contains(#""dsn": "6", "dsn_size": 4, "dsn_64": "9223372036854775814""#))
        #expect(text == "DSS ack 1099511627781 seq 9223372036854775814 subseq 1 len 2")
    }

    /// Whatever a segment holds, its line is sound, and says as many options as there are.
    @Test func anyOptions() throws {
        var generator = SplitMix64(seed: 8684)
        for _ in 0..<2000 {
            let block = OptionBlock(using: &generator)
            let json = try #require(line(packet(block.bytes), .json))
            let options = try #require(try object(json)["options"] as? [[String: Any]])
            try #require(options.map { $0["kind"] as? Int } == block.contents.map { Int($0.kind) }, "\(block.contents)")
            let text = try #require(line(packet(block.bytes), .text))
            try #require(text.utf8.dropLast().allSatisfy { $0 >= 0x20 }, "\(text)")
        }
    }

    /// The options before a malformed one stay.
    @Test func aMalformedOption() throws {
        let bad = packet(TCPOptionContent.windowScale(7).bytes + [30, 5, 0x00, 0x01, 0x02])
        let fields = try object(try #require(line(bad, .json)))
        #expect((fields["options"] as? [[String: Any]])?.map { $0["name"] as? String } == ["window_scale"])
        #expect(fields["error"] as? String == "bad MP_CAPABLE at 43: length 5")
        #expect(line(bad, .text)?.hasSuffix(", options [wscale 7] # bad MP_CAPABLE at 43: length 5\n") == true)
    }
}

// The fields of each form of RFC 8684 sections 3.1 to 3.7, and of RFC 6824 where version 0 differs.
extension OptionTests {
    private static let key = MultipathKey(0x0102_0304_0506_0708)
    private static let peer = MultipathKey(0xfffe_fdfc_fbfa_f9f8)

    private static let handshake: [(MultipathOption, json: String, text: String)] = [
        (
            .capable(MPCapable(version: 1, flags: [.checksumRequired, .hmac], form: .bare)),
            #""version": 1, "flags": "0x81", "checksum_required": true, "extensibility": false, "deny_join": false, "#
                + #""hmac_sha256": true"#,
            "MP_CAPABLE v1 flags 0x81 checksum"
        ),
        (
            .capable(MPCapable(version: 0, flags: .hmac, form: .key(sender: key))),
            #""version": 0, "flags": "0x01", "checksum_required": false, "extensibility": false, "#
                + #""hmac_sha1": true, "sender_key": "0x0102030405060708""#,
            "MP_CAPABLE v0 flags 0x01 sender 0x0102030405060708"
        ),
        (
            .capable(
                MPCapable(
                    version: 1, flags: [.denyJoin, .hmac],
                    form: .data(sender: key, receiver: peer, length: 100, checksum: 0xbeef))),
            #""version": 1, "flags": "0x21", "checksum_required": false, "extensibility": false, "deny_join": true, "#
                + #""hmac_sha256": true, "sender_key": "0x0102030405060708", "receiver_key": "0xfffefdfcfbfaf9f8", "#
                + #""data_level_length": 100, "checksum": "0xbeef""#,
            "MP_CAPABLE v1 flags 0x21 deny-join sender 0x0102030405060708 receiver 0xfffefdfcfbfaf9f8 len 100 csum 0xbeef"
        ),
        (
            .join(.syn(isBackup: true, addressID: AddressID(2), token: Token(0x90cd_00d7), nonce: 0x0a)),
            #""backup": true, "address_id": 2, "receiver_token": "0x90cd00d7", "sender_random_number": "0x0000000a""#,
            "MP_JOIN backup id 2 token 0x90cd00d7 nonce 0x0000000a"
        ),
        (
            .join(.synAck(isBackup: false, addressID: AddressID(0), hmac: TruncatedHMAC(1), nonce: 2)),
            #""backup": false, "address_id": 0, "truncated_hmac": "0x0000000000000001", "#
                + #""sender_random_number": "0x00000002""#,
            "MP_JOIN id 0 hmac 0x0000000000000001 nonce 0x00000002"
        ),
        (
            .join(.ack(hmac: MultipathHMAC(high: 1, middle: 2, low: 3))),
            #""hmac": "0x0000000000000001000000000000000200000003""#,
            "MP_JOIN hmac 0x0000000000000001000000000000000200000003"
        ),
    ]

    private static let data: [(MultipathOption, json: String, text: String)] = [
        (
            .dataSequenceSignal(
                DataSequenceSignal(
                    acknowledgement: .short(5),
                    mapping: .init(
                        sequence: .long(DataSequenceNumber(.max)), subflowSequence: 9, length: 10, checksum: 0x12),
                    hasFinFlag: true)),
            #""flags": "0x1d", "data_fin": true, "data_ack": "5", "data_ack_size": 4, "data_ack_64": null, "#
                + #""dsn": "18446744073709551615", "dsn_size": 8, "dsn_64": "18446744073709551615", "#
                + #""subflow_sequence_number": 9, "data_level_length": 10, "checksum": "0x0012", "#
                + #""infinite_mapping": false"#,
            "DSS fin ack 5/32 seq 18446744073709551615 subseq 9 len 10 csum 0x0012"
        ),
        (
            .dataSequenceSignal(
                DataSequenceSignal(
                    acknowledgement: .long(DataSequenceNumber(7)),
                    mapping: .init(sequence: .short(8), subflowSequence: 9, length: 0))),
            #""flags": "0x07", "data_fin": false, "data_ack": "7", "data_ack_size": 8, "data_ack_64": "7", "#
                + #""dsn": "8", "dsn_size": 4, "dsn_64": null, "subflow_sequence_number": 9, "#
                + #""data_level_length": 0, "infinite_mapping": true"#,
            "DSS ack 7 seq 8/32 subseq 9 len 0 infinite"
        ),
    ]

    private static let signals: [(MultipathOption, json: String, text: String)] = [
        (
            .addAddress(
                AddAddress(
                    kind: .announcement(TruncatedHMAC(0xab)), addressID: AddressID(9), address: IPAddress("10.2.0.2")!,
                    port: 8080)),
            #""ip_version": 4, "echo": false, "address_id": 9, "address": "10.2.0.2", "port": 8080, "#
                + #""truncated_hmac": "0x00000000000000ab""#,
            "ADD_ADDR id 9 10.2.0.2:8080 hmac 0x00000000000000ab"
        ),
        (
            .addAddress(AddAddress(kind: .echo, addressID: AddressID(9), address: IPAddress("fd00::2")!, port: nil)),
            #""ip_version": 6, "echo": true, "address_id": 9, "address": "fd00::2""#, "ADD_ADDR echo id 9 fd00::2"
        ),
        (
            .removeAddress(RemovedAddresses([AddressID(1), AddressID(255)])!), #""address_ids": [1, 255]"#,
            "REMOVE_ADDR id 1,255"
        ),
        (.priority(MPPriority(isBackup: true)), #""backup": true"#, "MP_PRIO backup"),
        (
            .priority(MPPriority(isBackup: false, addressID: AddressID(3))), #""backup": false, "address_id": 3"#,
            "MP_PRIO id 3"
        ),
        (
            .fail(DataSequenceNumber(1 << 63)), #""dsn": "9223372036854775808""#, "MP_FAIL seq 9223372036854775808"
        ),
        (.fastClose(key), #""receiver_key": "0x0102030405060708""#, "MP_FASTCLOSE receiver 0x0102030405060708"),
        (
            .reset(MPReset(flags: 1, reason: 6)),
            #""flags": "0x01", "transient": true, "reason": 6, "reason_text": "middlebox interference""#,
            "MP_TCPRST reason 6 (middlebox interference, transient)"
        ),
        (.unknown(OptionBytes([0xf0, 1, 2])), #""bytes": "f00102""#, "MP_EXPERIMENTAL f00102"),
    ]
}
