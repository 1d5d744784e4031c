import Glibc
import LinuxSystem
import Wire

/// The loopback device of a namespace that is this process's own: what is sent there as if from afar goes through the
/// queues that its rules lead to, and is then dropped.
final class Loopback {
    private let socket: Descriptor

    init() throws {
        try Self.run("ip", "link", "set", "lo", "up")
        socket = Descriptor(
            owning: try systemCall("socket") {
                Glibc.socket(AF_INET, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), Int32(IPPROTO_RAW))
            })
    }

    /// Leads TCP segments of this port to the queue. They end behind it: no host here answers.
    func lead(port: UInt16, to queue: UInt16) throws {
        for match in ["--dport", "--sport"] {
            try Self.run(
                "iptables", "-w", "-t", "mangle", "-A", "PREROUTING", "-p", "tcp", match, "\(port)", "-j", "NFQUEUE",
                "--queue-num", "\(queue)")
            try Self.run("iptables", "-w", "-A", "INPUT", "-p", "tcp", match, "\(port)", "-j", "DROP")
        }
    }

    func send(_ packet: [UInt8], to destination: Endpoint) throws {
        let sent = destination.withSocketAddress { sendto(socket.rawValue, packet, packet.count, 0, $0, $1) }
        guard sent == packet.count else {
            throw GuardError("a made-up packet can't be sent: \(String(cString: strerror(errno)))")
        }
    }

    /// Runs a program to its end, in the namespace of the calling thread.
    static func run(_ command: String...) throws {
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var (process, status) = (pid_t(), Int32())
        guard posix_spawnp(&process, arguments[0]!, nil, nil, arguments, environ) == 0,
            waitpid(process, &status, 0) == process, status == 0
        else { throw GuardError("\(command.joined(separator: " ")) failed") }
    }
}

/// Waits until something is so, in turns with those that bring it about; throws after ten seconds.
func wait(for what: StaticString, _ isSo: () -> Bool) throws {
    let limit = MonotonicTime.now + .seconds(10)
    while !isSo() {
        guard MonotonicTime.now < limit else { throw GuardError("waited for \(what) for ten seconds") }
        sched_yield()
    }
}
