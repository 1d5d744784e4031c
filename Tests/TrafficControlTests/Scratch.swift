import Glibc
import LinuxSystem
import Testing
import Wire

@testable import TrafficControl

let isRoot = geteuid() == 0
let needsRoot: Comment = "needs root: makes network namespaces"

/// Two network namespaces for one test, gone afterwards:
///
///     box  lan0 10.7.0.1, fd77::1  ──  lan0 10.7.0.2, fd77::2  client
///          wan0 ── wan1 (both in the box)
///
/// The body runs in the box.
struct Scratch: Sendable {
    let box: NetworkNamespace
    let client: NetworkNamespace

    static func run(_ body: (Scratch) throws -> Void) throws {
        let name = "sluice-tc-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let scratch = Scratch(box: NetworkNamespace(name), client: NetworkNamespace(name + "-c"))
        defer { for space in [scratch.client, scratch.box] { _ = try? shell("ip netns delete \(space.name)") } }
        for space in [scratch.box, scratch.client] { try shell("ip netns add \(space.name)") }
        try scratch.box.enter()
        // Back to where the process's first thread is: this thread runs other tests afterwards.
        defer { try! NetworkNamespace("../../proc/self/ns/net").enter() }
        try shell(
            """
            ip link set lo up
            ip link add lan0 type veth peer name lan0 netns \(scratch.client.name)
            ip link add wan0 type veth peer name wan1
            ip addr add 10.7.0.1/24 dev lan0; ip addr add fd77::1/64 dev lan0 nodad
            for i in lan0 wan0 wan1; do ip link set $i up; done
            ip -n \(scratch.client.name) addr add 10.7.0.2/24 dev lan0
            ip -n \(scratch.client.name) addr add fd77::2/64 dev lan0 nodad
            ip -n \(scratch.client.name) link set lan0 up
            """)
        try body(scratch)
    }

    var lan: ShapedInterface { interface("lan0") }
    var wan: ShapedInterface { interface("wan0") }

    private func interface(_ name: String) -> ShapedInterface {
        ShapedInterface(index: NetworkInterface.index(name) ?? 0, name: name)
    }

    /// All that traffic control may have changed, as `tc` and `ip` print it.
    func state() throws -> [String] {
        try shell(
            """
            ip -o link | cut -d ' ' -f 2; tc qdisc show | sed "s/direct_packets_stat [0-9]*//"
            for i in lan0 wan0 wan1; do
                for kind in "class show dev $i" "filter show dev $i" "filter show dev $i ingress"; do
                    echo "-- $kind"; tc -d $kind
                done
            done
            """
        ).split(separator: "\n").map(String.init)
    }

    /// Nothing has changed since then; else the lines that are there no more, and those that are new. Carriers come, and
    /// references to actions go, a moment later than what makes them.
    func expectState(
        _ before: [String], _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        if try eventually({ try state() == before }) { return }
        let changes = try state().difference(from: before).map { change in
            switch change {
            case .insert(_, let line, _): "+ \(line)"
            case .remove(_, let line, _): "- \(line)"
            }
        }
        #expect(changes == [], comment, sourceLocation: sourceLocation)
    }
}

struct ShellError: Error { let command, output: String }

/// The command's output; runs in the network namespace of the calling thread. What it prints is what it has to say: a
/// failure of the last command throws.
@discardableResult
func shell(_ command: String) throws -> String {
    guard let pipe = popen("exec 2>&1; set -e\n" + command, "r") else { throw ShellError(command: command, output: "") }
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = fread(&chunk, 1, chunk.count, pipe)
        if count == 0 { break }
        output += chunk[..<count]
    }
    let text = String(decoding: output, as: UTF8.self)
    guard pclose(pipe) == 0 else { throw ShellError(command: command, output: text) }
    return text
}

/// Steered subflows of both families, `count` of each, some of them in one bucket.
func tuples(_ count: Int) -> [FourTuple] {
    (0..<count).flatMap { index in
        [("10.7.0.2", "10.9.0.9"), ("fd77::2", "fd99::9")].map { client, server in
            FourTuple(
                client: Endpoint(address: IPAddress(client)!, port: UInt16(40_000 + index * 64)),
                server: Endpoint(address: IPAddress(server)!, port: 443))
        }
    }
}
