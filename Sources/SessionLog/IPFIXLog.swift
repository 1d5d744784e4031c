import Glibc
import LinuxSystem
import SystemPackage
import Wire

/// Records as IPFIX messages to a collector, over UDP.
///
/// UDP says little of what arrives: an ICMP message that nobody receives there comes with the next datagram, and tells of the one
/// before. What is lost on the way, the collector sees by the sequence numbers.
final class IPFIXLog: SessionOutput {
    private let endpoint: Endpoint
    private let socket: DatagramSocket
    private var exporter: IPFIXExporter
    /// Session records of the last message that was sent.
    private var inDoubt = 0

    /// Milliseconds that are waited for room in the socket.
    private static let patience: Int32 = 100
    /// Milliseconds that a near collector's host has to say that nobody receives there.
    private static let doubt: Int32 = 20

    init(_ endpoint: Endpoint) throws(SystemError) {
        self.endpoint = endpoint
        socket = try DatagramSocket(to: endpoint)
        exporter = IPFIXExporter(packet: socket.pathMTU, isIPv4: endpoint.address.isIPv4)
    }

    func begin(_ mark: LogMark, at time: Int64, version: String) {}

    func end(_ mark: LogMark, at time: Int64) {}

    func write(_ records: ArraySlice<SessionRecord>, at time: Int64, _ name: (UInt32) -> String?) -> WriteOutcome {
        var outcome = WriteOutcome()
        for message in exporter.messages(records, at: time, name) {
            var error = socket.send(message.bytes, patience: Self.patience)
            if error == .connectionRefused {
                refuse(&outcome)
                error = socket.send(message.bytes, patience: Self.patience)
            }
            inDoubt = error == nil ? message.sessions : 0
            guard let error else { continue }
            outcome.lost += message.sessions
            outcome.error = SystemError("send to \(endpoint)", error)
        }
        if socket.error(within: Self.doubt) != nil { refuse(&outcome) }
        // It may begin anew, and then knows no templates.
        if outcome.error != nil { exporter.forgetTemplates() }
        return outcome
    }

    /// Nobody has taken the message that was sent last.
    private func refuse(_ outcome: inout WriteOutcome) {
        outcome.lost += inDoubt
        outcome.error = SystemError("send to \(endpoint)", .connectionRefused)
        inDoubt = 0
    }
}

extension Endpoint {
    /// The first address of a host by its name, or the address that the name is. Asks the resolver, and waits for it. Throws
    /// ENOENT when there is none.
    init(host: String, port: UInt16) throws(SystemError) {
        if let address = IPAddress(host) {
            self.init(address: address, port: port)
            return
        }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard code == 0, let first = found else {
            throw SystemError("look up \(host) (\(String(cString: gai_strerror(code))))", .noSuchFileOrDirectory)
        }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(
                from: UnsafeRawBufferPointer(start: first.pointee.ai_addr, count: Int(first.pointee.ai_addrlen)))
        }
        guard let endpoint = Endpoint(storage) else { throw SystemError("look up \(host)", .addressFamilyNotSupported) }
        self.init(address: endpoint.address, port: port)
    }
}
