import Lab
import LinuxSystem
import PacketForge
import Testing
import Wire

/// SYNs that no well-meaning client sends: each reaches the server's wire as it does without Sluice, to the byte.
///
///     client: packet socket ── lan0 ── box ── wan0 ── eth0: packet socket, server
///
/// They are addressed to a host that isn't there, so that nobody answers.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct GarbageTests {
    @Test(arguments: IPFamily.allCases)
    func garbageIsForwardedAsWithoutSluice(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let line = try await GarbageLine(lab, family)
            let sequence = line.sequence(ofEach: 200)
            let plain = try await line.pass(sequence)
            #expect(plain.values.reduce(0, +) > sequence.count, "every SYN passes, and some are two fragments")

            let sluice = try await lab.startSluice()
            try await lab.serve()
            let start = ContinuousClock.now
            let passed = try await line.pass(sequence)
            #expect(passed.filter { plain[$0.key] != $0.value }.count == 0, "changed, or twice")
            #expect(plain.filter { passed[$0.key] != $0.value }.count == 0, "lost, or changed")

            let status = try await sluice.status()
            #expect(status.decisions == line.decisions(sequence))
            #expect(status.dials.started == 0)
            #expect(status.packets.held == 0)
            let seconds = Int((ContinuousClock.now - start).components.seconds)
            let reports = sluice.log.split(separator: "\n").filter { $0.contains("malformed SYN forwarded") }
            #expect((1...1 + seconds / 10 + 1).contains(reports.count), "\(reports)")

            try await lab.expectConversion(sluice)
            try await lab.waitUntilIdle(sluice)
        }
    }
}

/// The way that garbage goes: out of the client, through the box, past a socket that watches the server's wire.
private struct GarbageLine {
    let lab: Lab
    let kinds: [Garbage]
    private let client: IPAddress
    private let nobody: IPAddress
    private let out: PacketSocket
    private let watch: PacketSocket
    /// The box's, on lan0.
    private let hardware: [UInt8]

    init(_ lab: Lab, _ family: IPFamily) async throws {
        self.lab = lab
        kinds = Garbage.all(family)
        client = lab.address(.client(0), family)
        nobody = IPAddress(family == .v4 ? "192.0.2.66" : "2001:db8::66")!
        out = try await lab.inside(.client(0)) { try PacketSocket(interface: "lan0", family) }
        watch = try await lab.inside(.server(0)) { try PacketSocket(interface: "eth0", family) }
        let option = family == .v4 ? "-4" : "-6"
        let server = lab.address(.server(0), family)
        // Connection tracking, as a stateful firewall has it, reassembles fragments: with and without Sluice.
        try await lab.operate(.nft, "*filter\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\nCOMMIT")
        try await lab.shell("ip \(option) route add \(nobody) via \(server)")
        // Neighbours are found beforehand: only a few packets may wait for that.
        _ = try await lab.ping(from: .client(0), to: server)
        hardware = try await lab.shell("cat /sys/class/net/lan0/address")
            .split { ":\n".contains($0) }.compactMap { UInt8($0, radix: 16) }
        #expect(hardware.count == 6)
    }

    /// The same at each run: the index of a kind for each SYN.
    func sequence(ofEach count: Int) -> [Int] {
        var random = SplitMix64(seed: 1)
        return kinds.indices.flatMap { Array(repeating: $0, count: count) }.shuffled(using: &random)
    }

    /// Sends the sequence, and returns how often each packet came by at the server.
    func pass(_ sequence: [Int]) async throws -> [[UInt8]: Int] {
        var seen: [[UInt8]: Int] = [:]
        for start in stride(from: 0, to: sequence.count, by: Self.burst) {
            for index in start..<min(start + Self.burst, sequence.count) {
                for packet in draft(index, kinds[sequence[index]]).packets { try out.send(packet, to: hardware) }
            }
            try await passMarker(&seen)
        }
        // One more: the packets of a sender that changes its processor may overtake each other.
        try await passMarker(&seen)
        return seen
    }

    /// Whatever is queued is so in order: when a marker is through, all before it are.
    private func passMarker(_ seen: inout [[UInt8]: Int]) async throws {
        try out.send(draft(0, Garbage.marker).packets[0], to: hardware)
        try await lab.wait(for: "a burst of garbage to pass") {
            var isThrough = false
            for packet in watch.receive() where isOurs(packet) {
                if isMarker(packet) { isThrough = true } else { seen[comparable(packet), default: 0] += 1 }
            }
            return isThrough
        }
    }

    /// What Sluice should have decided about the sequence and its markers.
    func decisions(_ sequence: [Int]) -> [String: UInt64] {
        let markers = (sequence.count + Self.burst - 1) / Self.burst + 1
        var counts = [Garbage.marker.decision!: UInt64(markers)]
        for index in sequence { if let decision = kinds[index].decision { counts[decision, default: 0] += 1 } }
        return counts
    }

    /// Fewer than a queue holds, an interface's backlog included.
    private static let burst = 250

    private func draft(_ index: Int, _ garbage: Garbage) -> PacketDraft {
        var draft = PacketDraft(
            source: Endpoint(address: client, port: UInt16(20_000 + index)),
            destination: Endpoint(address: nobody, port: 5000), sequence: UInt32(index),
            identification: UInt16(index))
        garbage.make(&draft)
        return draft
    }

    private func isOurs(_ packet: [UInt8]) -> Bool {
        let address = nobody.bytes.suffix(nobody.isIPv4 ? 4 : 16)
        return packet.dropFirst(nobody.isIPv4 ? 16 : 24).starts(with: address)
    }

    /// Who reassembles IPv6 fragments and cuts them again gives them an identification of his own.
    private func comparable(_ packet: [UInt8]) -> [UInt8] {
        guard !nobody.isIPv4, packet[6] == 44 else { return packet }
        return packet[..<44] + [0, 0, 0, 0] + packet[48...]
    }

    private func isMarker(_ packet: [UInt8]) -> Bool {
        packet.suffix(Garbage.markerPayload.count).elementsEqual(Garbage.markerPayload)
    }
}
