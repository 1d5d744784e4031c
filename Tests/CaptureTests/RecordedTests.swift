import Capture
import Glibc
import Subprocess
import Testing

private func isInstalled(_ programs: String...) -> Bool {
    programs.allSatisfy { program in
        ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].contains { access("\($0)/\(program)", X_OK) == 0 }
    }
}

private let canRecord = geteuid() == 0 && isInstalled("tcpdump", "unshare", "bash", "ip")
private let canCompare = isInstalled("tshark", "editcap")

/// A directory that is gone afterwards, with the files that the test below makes.
private func withDirectory(_ body: (String) async throws -> Void) async throws {
    var template = Array("/tmp/sluice-capture-XXXXXX".utf8CString)
    let path = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer {
        for file in ["recorded", "recorded.err", "pcap", "nsecpcap", "pcapng"] { unlink("\(path)/\(file)") }
        rmdir(path)
    }
    try await body(path)
}

/// Runs a command and returns its standard output; a failure shows its standard error.
private func output(_ words: String...) async throws -> String {
    let result = try await Subprocess.run(
        .name(words[0]), arguments: Arguments(Array(words.dropFirst())),
        output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    try #require(result.terminationStatus == .exited(0), "\(words): \(result.standardError)")
    return result.standardOutput
}

/// Records 20 packets in a network namespace that ends with the command: refused connections and datagrams on the
/// loopback device, of which libpcap shows only the incoming side, and datagrams that go out by another and reach nobody.
/// Traffic comes until the recording is full, so that it doesn't matter when that begins.
private func record(_ arguments: String, to file: String) async throws {
    let script = """
        ip link set lo up
        ip link add out0 type veth peer name in0
        ip link set out0 up
        ip link set in0 up
        ip address add 192.0.2.1/24 dev out0
        ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 nud permanent dev out0
        tcpdump \(arguments) -c 20 -w \(file) 2> \(file).err & recording=$!
        while kill -0 $recording 2> /dev/null; do
            for to in 127.0.0.1 ::1; do
                echo hello > /dev/udp/$to/9
                echo hello > /dev/tcp/$to/9
            done 2> /dev/null
            echo hello > /dev/udp/192.0.2.2/9
            sleep 0.01
        done
        wait $recording
        """
    _ = try await output(
        "timeout", "30", "unshare", "--net", "--pid", "--fork", "--kill-child", "bash", "-c", script)
}

@Suite(.enabled(if: canRecord, "needs root, tcpdump, iproute2 and bash"), .timeLimit(.minutes(2)))
struct RecordedTests {
    private func read(_ file: String) throws -> [Seen] {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let (packets, error) = readAll(CaptureReader(descriptor: descriptor))
        #expect(error == nil)
        return packets
    }

    /// Frame number, time in nanoseconds, length and captured length, as tshark reads them.
    private func compare(_ packets: [Seen], with file: String) async throws {
        let fields = ["number", "time_epoch", "len", "cap_len"].flatMap { ["-e", "frame.\($0)"] }
        let lines = try await Subprocess.run(
            .name("tshark"), arguments: Arguments(["-n", "-r", file, "-T", "fields"] + fields),
            output: .string(limit: 1 << 20), error: .discarded
        ).standardOutput.split(separator: "\n")
        let ours = packets.map { packet in
            let (seconds, rest) = (packet.time ?? 0).quotientAndRemainder(dividingBy: 1_000_000_000)
            let digits = String(rest)
            return "\(packet.frame)\t\(seconds)." + String(repeating: "0", count: 9 - digits.count) + digits
                + "\t\(packet.originalLength)\t\(packet.bytes.count)"
        }
        #expect(ours == lines.map(String.init))
    }

    @Test(
        arguments: [
            ("-i lo --micro", .ethernet), ("-i lo --nano -s 40", .ethernet), ("-i any -y LINUX_SLL", .linuxSLL),
            ("-i any --nano", .linuxSLL2),
        ] as [(String, LinkType)])
    func whatTcpdumpWrites(_ arguments: String, _ linkType: LinkType) async throws {
        try await withDirectory { directory in
            let file = "\(directory)/recorded"
            try await record(arguments, to: file)
            let packets = try read(file)
            #expect(packets.count == 20)
            #expect(packets.allSatisfy { $0.linkType == linkType })
            let links = try packets.map { try LinkSummary($0.bytes, linkType) }
            #expect(links.allSatisfy { $0.version == 4 || $0.version == 6 })
            #expect(Set(links.map(\.version)) == [4, 6])
            if linkType != .ethernet { #expect(Set(links.map(\.direction)) == [.inbound, .outbound]) }
            if linkType == .linuxSLL2 {
                // Loopback is the first interface of a namespace.
                #expect(links.allSatisfy { $0.interface != 1 || $0.direction == .inbound })
                #expect(Set(links.map(\.interface)).count == 3)
            }
            guard canCompare else { return }
            try await compare(packets, with: file)
            for format in ["pcap", "nsecpcap", "pcapng"] {
                let converted = "\(directory)/\(format)"
                _ = try await output("editcap", "-F", format, file, converted)
                try await compare(try read(converted), with: converted)
                let bytes = try read(converted).map(\.bytes)
                #expect(bytes == packets.map(\.bytes))
            }
        }
    }
}

/// Of a frame: the IP version, and what a cooked header says.
private struct LinkSummary {
    let version: UInt8?
    let direction: PacketDirection
    let interface: UInt32?

    init(_ bytes: [UInt8], _ linkType: LinkType) throws(LinkError) {
        let frame = try LinkFrame(bytes.span.bytes, linkType)
        version = frame.ip?.copy.first.map { $0 >> 4 }
        direction = frame.direction
        interface = frame.interfaceIndex
    }
}
