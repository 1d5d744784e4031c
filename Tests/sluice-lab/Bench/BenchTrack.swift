import ArgumentParser
import LinuxSystem
import PacketForge
import Synchronization
import Tracking
import Wire

/// Nanoseconds to follow a data segment: read its headers and options, find its connection, note what it says.
struct BenchTrack: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "track", abstract: "Follow data segments of many connections: nanoseconds for each.")

    @Option(help: "How often each is measured.")
    var rounds = 11
    @Option(help: "Segments in a round.")
    var segments = 500_000

    func validate() throws {
        #if DEBUG
            throw ValidationError("measure a release build: swift build -c release")
        #else
            guard rounds > 0, segments > 0 else { throw ValidationError("--rounds and --segments begin at 1") }
        #endif
    }

    func run() {
        print(Machine.description)
        print("\(rounds) rounds of \(segments) segments, nanoseconds a segment, behind an uncontended lock\n")
        var rows = [["connections", "median", "fastest", "slowest"]]
        for connections in [1, 100, 10_000, 50_000] { rows.append(measure(connections)) }
        print(textTable(rows))
    }

    private func measure(_ connections: Int) -> [String] {
        let traffic = Traffic(connections: connections)
        let times = (0...rounds).map { _ in traffic.nanosecondsPerSegment(segments) }.dropFirst().sorted()
        let figures = [times[times.startIndex + rounds / 2], times.first!, times.last!]
        return ["\(connections)"] + figures.map { decimal($0, places: 1) }
    }
}

/// Connections that are established, and data segments of theirs.
private final class Traffic {
    private let tracker = Mutex(Tracker(.init(connections: 131_072)))
    private var packets: [[UInt8]] = []
    private var time: UInt64 = 1

    init(connections: Int) {
        for index in 0..<connections {
            let client = Endpoint(
                address: IPAddress(v4: 0x0a01_0000 + UInt32(index / 50_000)), port: UInt16(10_000 + index % 50_000))
            let server = Endpoint("10.9.0.2:80")!
            let keys = (MultipathKey(UInt64(index) << 1), MultipathKey(UInt64(index) << 1 | 1))
            see(client, server, 99, .syn, .bare)
            see(server, client, 499, [.syn, .ack], .key(sender: keys.1))
            see(client, server, 100, .ack, .keys(sender: keys.0, receiver: keys.1))
            let first = keys.1.initialDataSequence(version: 1).advanced(by: 1)
            let signal = DataSequenceSignal(
                acknowledgement: .long(keys.0.initialDataSequence(version: 1).advanced(by: 1)),
                mapping: .init(sequence: .long(first), subflowSequence: 1, length: 1400))
            packets.append(draft(server, client, 500, .ack, .dataSequenceSignal(signal)))
        }
        // In an order that the processor can't foresee.
        var generator = SplitMix64(seed: 1)
        packets.shuffle(using: &generator)
    }

    private func draft(
        _ source: Endpoint, _ destination: Endpoint, _ sequence: UInt32, _ flags: TCPFlags, _ option: MultipathOption
    ) -> [UInt8] {
        let timestamps = [1, 1] + TCPOptionContent.timestamps(value: 1, echo: 2).bytes
        var draft = PacketDraft(
            source: source, destination: destination, sequence: sequence, flags: flags,
            options: timestamps + option.bytes,
            payload: flags.contains(.syn) ? [] : [UInt8](repeating: 0, count: 100))
        draft.acknowledgement = flags == .syn ? 0 : sequence == 100 ? 500 : 100
        return draft.bytes
    }

    private func see(
        _ source: Endpoint, _ destination: Endpoint, _ sequence: UInt32, _ flags: TCPFlags, _ form: MPCapable.Form
    ) {
        let packet = draft(
            source, destination, sequence, flags, .capable(MPCapable(version: 1, flags: .hmac, form: form)))
        observe(packet)
    }

    private func observe(_ packet: [UInt8]) {
        guard let segment = try? Segment(packet.span.bytes) else { preconditionFailure("a draft that isn't sound") }
        time += 1000
        let isKnown = tracker.withLock { $0.observe(segment, at: time) != nil }
        precondition(isKnown)
    }

    func nanosecondsPerSegment(_ count: Int) -> Double {
        let start = MonotonicTime.now
        for index in 0..<count { observe(packets[index % packets.count]) }
        return Double(MonotonicTime.now.nanoseconds(since: start)) / Double(count)
    }
}
