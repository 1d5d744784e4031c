import Lab
import Wire

/// The demo's file, carried by curl between the client and nginx.
struct DemoTransfer {
    /// What one transfer showed.
    struct Result {
        let isIdentical: Bool
        let sha256: String
        let duration: Duration
        let bytes: UInt64
        /// Bytes on each link in the file's direction, headers included, by the client's interfaces.
        let bytesByLink: [String: UInt64]
        /// Subflows that the box ended; 0 for plain TCP.
        let subflows: UInt64
        /// Whom nginx says it served.
        let clientSeen: Endpoint?

        var bitsPerSecond: Double { Double(bytes) * 8 / duration.inSeconds }
    }

    private let lab: Lab
    private let nginx: Nginx
    private let size: UInt64
    private let family: IPFamily
    private let isUpload: Bool

    init(_ lab: Lab, size: UInt64, family: IPFamily, isUpload: Bool) async throws {
        self.lab = lab
        self.size = size
        self.family = family
        self.isUpload = isUpload
        nginx = try await lab.startNginx()
        try nginx.addFile("file", bytes: size)
    }

    /// Plain TCP over one link, or MPTCP over all.
    func run(over link: Lab.Link? = nil) async throws -> Result {
        let name = link == nil ? "multipath" : "single"
        let url = "http://\(lab.endpoint(.server(0), port: 80, family))/"
        let original = "\(nginx.root)/file"
        let copy = isUpload ? "\(nginx.root)/\(name)" : "\(lab.directory)/\(name)"
        let files = isUpload ? ["-T", original, url + name] : ["-o", copy, url + "file"]
        let interface = link.map { ["--interface", "\($0.address(family))"] } ?? []

        let before = try Counts(lab)
        let served = nginx.accesses.count
        let start = ContinuousClock.now
        let curl = try await lab.run(
            in: .client(0), (link == nil ? ["mptcpize", "run"] : []) + ["curl", "-gsSf"] + interface + files,
            within: .seconds(600))
        let duration = ContinuousClock.now - start
        guard curl.status.isSuccess else { throw LabCommandError(description: "curl: \(curl.status): \(curl.errors)") }
        let after = try Counts(lab)
        try await lab.wait(for: "nginx's access log") { nginx.accesses.count > served }

        let sums = try await lab.run(in: .client(0), ["sha256sum", original, copy]).output
            .split(separator: "\n").map { $0.prefix(64) }
        return Result(
            isIdentical: sums.count == 2 && sums[0] == sums[1], sha256: String(sums.last ?? ""), duration: duration,
            bytes: size, bytesByLink: after.bytes(since: before, sent: isUpload),
            subflows: after.subflows - before.subflows, clientSeen: nginx.accesses.last?.client)
    }

    private struct Counts {
        let interfaces: [String: Lab.InterfaceCounters]
        let subflows: UInt64

        init(_ lab: Lab) throws {
            interfaces = try lab.interfaces(in: .client(0))
            let box = try lab.counters(in: .box)
            // The kernel counts an initial subflow by its SYN and a further one by its join's last ACK.
            subflows = (box["MPTcpExtMPCapableACKRX"] ?? 0) + (box["MPTcpExtMPJoinAckRx"] ?? 0)
        }

        func bytes(since before: Counts, sent: Bool) -> [String: UInt64] {
            interfaces.reduce(into: [:]) { result, entry in
                guard let old = before.interfaces[entry.key] else { return }
                result[entry.key] =
                    sent ? entry.value.sentBytes - old.sentBytes : entry.value.receivedBytes - old.receivedBytes
            }
        }
    }
}

struct LabCommandError: Error, CustomStringConvertible {
    let description: String
}
