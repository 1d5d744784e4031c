import Foundation
import Glibc
import LinuxSystem
import Testing
import Wire

@testable import SessionLog

/// The thread that writes, with journald and a collector in whose place tests are.
@Suite(.timeLimit(.minutes(3))) struct ReceiverTests {
    @Test func journaldGetsFields() async throws {
        let desk = try Desk()
        let journal = try Receiver(path: desk.journal)
        desk.log.apply(.journal)
        desk.log.note(Samples.start4)
        desk.log.note(Samples.end(Samples.start4))
        desk.log.stop()
        let entries = journal.all()
        #expect(entries.count == 2)
        #expect(entries.first == JournalEntry(Samples.start4) { NetworkInterface.name($0) }.bytes)
        #expect(desk.log.report.written == 2 && desk.log.report.target == "the journal")
        #expect(desk.messages.all == ["notice: sessions are logged to the journal"])
    }

    @Test func withoutJournaldThatIsSaid() async throws {
        let desk = try Desk()
        desk.log.apply(.journal)
        desk.log.note(Samples.start4)
        try await wait { desk.log.report.failed == 1 }
        #expect(
            desk.messages.count("connect to \(desk.journal): No such file or directory; journald isn't running") == 1)
        let journal = try Receiver(path: desk.journal)
        // As a reload does.
        desk.log.apply(.journal)
        desk.log.note(Samples.start4)
        desk.log.stop()
        #expect(journal.all().count == 1)
        #expect(desk.log.report.failed == 1 && desk.log.report.written == 1 && desk.log.report.state == .writing)
    }

    @Test func aJournaldThatIsStartedAnewIsFound() async throws {
        let desk = try Desk()
        do {
            let journal = try Receiver(path: desk.journal)
            desk.log.apply(.journal)
            desk.log.note(Samples.start4)
            try await desk.settle()
            #expect(journal.all().count == 1)
        }
        unlink(desk.journal)
        let journal = try Receiver(path: desk.journal)
        desk.log.note(Samples.start4)
        desk.log.stop()
        #expect(journal.all().count == 1)
        #expect(desk.log.report.written == 2 && desk.log.report.failed == 0)
    }

    /// Nobody reads: the queue fills up, and what has no room is lost, counted and told. Whoever notes a record doesn't wait.
    @Test func aReceiverThatStandsStillCostsRecords() async throws {
        let desk = try Desk(room: 100)
        let journal = try Receiver(path: desk.journal)
        desk.log.apply(.journal)
        try await wait { desk.log.report.state == .writing }
        var count: UInt64 = 0
        try await wait {
            for number in 0..<1000 { desk.log.note(Samples.numbered(number)) }
            count += 1000
            return desk.log.report.overflowed > 0 && desk.log.report.failed > 0
        }
        try await wait { desk.log.report.waiting == 0 && desk.messages.count("come faster than") == 1 }
        desk.log.stop(within: .seconds(20))
        let report = desk.log.report
        #expect(report.written > 0)
        #expect(report.written + report.failed + report.overflowed == count)
        #expect(journal.all().count == Int(report.written))
        #expect(desk.messages.count("session records are lost, and counted: send to \(desk.journal)") == 1)
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func aCollectorGetsMessages(_ address: String) async throws {
        let desk = try Desk()
        let collector = try Receiver(at: Endpoint(address: IPAddress(address)!, port: 0))
        desk.log.apply(.ipfix(host: address, port: collector.port))
        for number in 0..<100 {
            desk.log.note(Samples.numbered(number))
            desk.log.note(Samples.end(Samples.numbered(number)))
        }
        desk.log.stop()
        var read = Collector()
        for message in collector.all() { try read.read(message) }
        #expect(read.gaps == 0)
        #expect(read.records.count { $0.template == 256 } == 100)
        #expect(read.records.count { $0.template == 257 } == 100)
        #expect(read.records.count { $0.template == 260 } == 100)
        #expect(desk.log.report.written == 200 && desk.log.report.failed == 0)
    }

    /// What a dead collector is sent is lost and counted, as far as its host says so. When it comes, it gets the templates.
    @Test(arguments: ["127.0.0.1", "::1"])
    func aDeadCollectorCostsRecords(_ address: String) async throws {
        let desk = try Desk()
        let port = try Receiver(at: Endpoint(address: IPAddress(address)!, port: 0)).port
        let target = SessionTarget.ipfix(host: address, port: port)
        #expect(target.check().map { "\($0)" }?.contains("Connection refused") == true)
        desk.log.apply(target)
        for number in 0..<10 {
            desk.log.note(Samples.numbered(number))
            try await desk.settle()
        }
        try await wait { desk.log.report.failed == 10 }
        #expect(desk.log.report.state == .failing && desk.log.report.written == 0)
        #expect(desk.messages.count("Connection refused; start the collector") == 1)
        let collector = try Receiver(at: Endpoint(address: IPAddress(address)!, port: port))
        #expect(target.check() == nil)
        desk.log.note(Samples.numbered(10))
        desk.log.note(Samples.end(Samples.numbered(10)))
        desk.log.stop()
        var read = Collector()
        // The first is the check's.
        for message in collector.all().dropFirst() { try? read.read(message) }
        #expect(read.records.map(\.template) == [256, 257, 260])
        #expect(desk.messages.count("sessions are logged again; 10 records") == 1)
        #expect(desk.log.report.written == 2 && desk.log.report.failed == 10)
    }

    @Test func aNameThatNobodyHasIsSaid() async throws {
        let desk = try Desk()
        // RFC 6761 section 6.4: there is none.
        desk.log.apply(.ipfix(host: "nowhere.invalid", port: 4739))
        try await wait { desk.log.report.error?.contains("look up nowhere.invalid") == true }
        desk.log.stop()
        #expect(throws: SystemError.self) { try Endpoint(host: "nowhere.invalid", port: 1) }
        #expect(try Endpoint(host: "localhost", port: 7).port == 7)
        #expect(try Endpoint(host: "2001:db8::1", port: 7) == Endpoint("[2001:db8::1]:7"))
    }
}

/// A socket that takes datagrams, of the UNIX domain or UDP.
final class Receiver {
    private let descriptor: Descriptor
    let port: UInt16

    init(path: String) throws {
        let descriptor = Descriptor(
            owning: try systemCall("socket") { socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0) })
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let raw = descriptor.rawValue
        try systemCall("bind \(path)") {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        self.descriptor = descriptor
        port = 0
    }

    init(at endpoint: Endpoint) throws {
        let family = endpoint.address.addressFamily
        let descriptor = Descriptor(
            owning: try systemCall("socket") { socket(family, Int32(SOCK_DGRAM.rawValue), 0) })
        let raw = descriptor.rawValue
        var size: Int32 = 4 << 20
        setsockopt(raw, SOL_SOCKET, SO_RCVBUF, &size, 4)
        try systemCall("bind \(endpoint)") { endpoint.withSocketAddress { bind(raw, $0, $1) } }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &storage) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(raw, $0, &length) }
        }
        self.descriptor = descriptor
        port = Endpoint(storage)?.port ?? 0
    }

    /// All that has come.
    func all() -> [[UInt8]] {
        var datagrams: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = recv(descriptor.rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count >= 0 {
            datagrams.append(Array(buffer[..<count]))
        }
        return datagrams
    }
}
