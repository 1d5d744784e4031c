import HandOver
import LinuxSystem
import Testing
import Wire

@testable import Converter

/// Sessions and listeners as they are handed over.
@Suite struct SessionRecordTests {
    static let phases: [SessionRecord.Phase] = [
        .dialling, .awaitingClient, .awaitingServer, .relaying, .resettingClient, .resettingServer, .closing,
    ]

    private func record(_ phase: SessionRecord.Phase) -> SessionRecord {
        var record = SessionRecord(
            tuple: FourTuple(client: Endpoint("10.1.0.2:40000")!, server: Endpoint("[2001:db8::1]:443")!), phase: phase,
            created: 12, lastMoved: 34)
        record.inDevice = 5
        record.hasClient = true
        record.client = .init(
            isBroken: true, isDeaf: false, receiveLimit: 65536, keepalive: .init(idle: 1, interval: 2, count: 3))
        record.server = .init(isBroken: false, isDeaf: true)
        record.toServer = .init(state: .ended, chunk: 16 << 10, relayed: .max, pending: [1, 2, 3])
        record.toClient = .init(state: .finished, chunk: 256 << 10, relayed: 7)
        record.isServerPaced = true
        record.isDeafToClient = true
        record.dscpToClient = DSCP(trafficClass: 0xb8)
        record.notes = .init(
            number: 7, established: 1_700_000_000_000_000_000, upstream: Endpoint("10.1.0.2:5000")!, token: 0x90cd_00d7,
            subflows: [
                .init(
                    id: 1, local: Endpoint("[2001:db8::1]:443")!, remote: Endpoint("[2001:db8::2]:40000")!, state: 7,
                    roundTripTime: 250, bytesReceived: 1, bytesAcknowledged: 2, bytesRetransmitted: 3,
                    unansweredProbes: 4)
            ], ending: .clientReset)
        return record
    }

    private func written(_ record: SessionRecord) -> [UInt8] {
        var writer = RecordWriter()
        record.write(to: &writer)
        return writer.bytes
    }

    private func read(_ bytes: [UInt8]) throws(RecordError) -> SessionRecord {
        var reader = RecordReader(bytes)
        let record = try SessionRecord(from: &reader)
        try reader.finish()
        return record
    }

    @Test(arguments: phases) func sessionsComeBack(_ phase: SessionRecord.Phase) throws {
        let record = record(phase)
        #expect(try read(written(record)) == record && record.descriptors == 2)
        for length in written(record).indices {
            #expect(throws: RecordError.self) { try read(Array(written(record)[..<length])) }
        }
    }

    /// A session that lacks a socket that its phase can't be without.
    @Test(arguments: phases) func sessionsWithoutTheirSocketsAreRefused(_ phase: SessionRecord.Phase) {
        let needsServer: Bool = [.dialling, .awaitingClient, .awaitingServer, .relaying, .resettingServer].contains(
            phase)
        let needsClient: Bool = [.awaitingServer, .relaying, .resettingClient].contains(phase)
        for (client, server) in [(true, true), (true, false), (false, true), (false, false)] {
            var record = record(phase)
            if !client { record.client = nil }
            if !server { record.server = nil }
            let isWhole = (client || !needsClient) && (server || !needsServer) && (client || server)
            let isRead = (try? read(written(record))) != nil
            #expect(isRead == isWhole, "client \(client), server \(server)")
        }
    }

    /// Of a session that has not been established nothing is kept.
    @Test func whatIsKeptForTheLogComesBack() throws {
        var record = record(.awaitingServer)
        record.notes = .init()
        #expect(try read(written(record)) == record)
        record = self.record(.closing)
        #expect(SessionNotes(record.notes).record == record.notes)
        for end in 0...UInt8.max {
            let known = SessionReport.End(rawValue: end)
            var bytes = written(record)
            bytes[bytes.count - 1] = end
            #expect((try? read(bytes))?.notes.ending == known)
        }
    }

    @Test func chunksThatCantBeAreRefused() {
        for chunk in [0, 1, (256 << 10) + 1] as [UInt32] {
            var record = record(.relaying)
            record.toClient.chunk = chunk
            #expect(throws: RecordError.value("chunk of a session")) { try read(written(record)) }
        }
        var record = record(.relaying)
        record.toClient.pending = [UInt8](repeating: 0, count: (256 << 10) + 1)
        #expect(throws: RecordError.value("chunk of a session")) { try read(written(record)) }
    }

    @Test func listenersComeBack() throws {
        let tuple = FourTuple(client: Endpoint("10.1.0.2:40000")!, server: Endpoint("10.9.0.2:80")!)
        var record = ListenerRecord(port: 80, isIPv4: true, opener: IPAddress("10.1.0.2")!)
        record.awaited = [.init(tuple: tuple, began: 5)]
        record.joins = [.init(tuple: tuple, began: 6), .init(tuple: tuple, began: 7)]
        var writer = RecordWriter()
        record.write(to: &writer)
        var reader = RecordReader(writer.bytes)
        #expect(try ListenerRecord(from: &reader) == record)
        for length in writer.bytes.indices {
            var reader = RecordReader(Array(writer.bytes[..<length]))
            #expect(throws: RecordError.self) { try ListenerRecord(from: &reader) }
        }
    }

    /// A listener's window goes on where it was: it stands for those it stood for.
    @Test func aWindowGoesOn() {
        let limits = ListenerWindow.Limits(patience: .seconds(5), linger: .milliseconds(10))
        let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
        let tuple = FourTuple(client: Endpoint("10.1.0.2:40000")!, server: Endpoint("10.9.0.2:80")!)
        for isJoin in [false, true] {
            var window = ListenerWindow(limits)
            window.begin(tuple, isJoin: isJoin, at: start)
            var record = ListenerRecord(port: 80, isIPv4: true, opener: tuple.client.address)
            window.write(to: &record)
            var next = ListenerWindow(limits, record, at: start)
            #expect(next.judge(at: start + .milliseconds(50)) != .close)
            if isJoin { next.joined(tuple, at: start + .milliseconds(950)) } else { next.end(tuple) }
            #expect(next.judge(at: start + .milliseconds(999)) != .close, "it stays for a moment in any case")
            #expect(next.judge(at: start + .milliseconds(1051)) == .close)
        }
    }
}
