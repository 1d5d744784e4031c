import Firewall
import HandOver
import Testing
import Wire

@testable import Middlebox

/// What is handed over of the ways to other boxes.
@Suite struct PeerRecordTests {
    @Test(arguments: [
        PeerRoutes.Contents(link: nil, peers: []),
        PeerRoutes.Contents(
            link: 7,
            peers: [
                .init(ipv4: IPAddress("10.77.0.2"), ipv6: IPAddress("fd77::2"), ports: 4096...13652),
                .init(ipv4: nil, ipv6: IPAddress("fd77::3")),
            ], entrances: [3, 9, 1], clients: ["lan0", "lan1"], gone: [1]),
    ]) func contentsComeBack(_ contents: PeerRoutes.Contents) throws {
        var writer = RecordWriter()
        contents.write(to: &writer)
        var reader = RecordReader(writer.bytes)
        #expect(try PeerRoutes.Contents(from: &reader) == contents)
        try reader.finish()
        for length in writer.bytes.indices {
            #expect(throws: RecordError.self) {
                var reader = RecordReader(Array(writer.bytes[..<length]))
                _ = try PeerRoutes.Contents(from: &reader)
            }
        }
    }
}
