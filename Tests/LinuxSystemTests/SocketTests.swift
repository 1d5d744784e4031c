import Glibc
import LinuxSystem
import SystemPackage
import Testing
import Wire

/// Real sockets on loopback.
@Suite struct SocketTests {
    struct Pair: ~Copyable {
        let client: StreamSocket
        let server: StreamSocket
        let listener: StreamSocket

        init(_ transport: StreamSocket.TransportProtocol, _ address: String) throws {
            let address = try #require(IPAddress(address))
            let listening = try StreamSocket.open(transport, for: address)
            try listening.bind(to: Endpoint(address: address, port: 0))
            try listening.listen(backlog: 1)
            let standing = listening.localEndpoint
            let endpoint = try #require(standing)
            let connecting = try StreamSocket.open(transport, for: address)
            try connecting.connect(to: endpoint)
            var ready = pollfd(fd: listening.rawValue, events: Int16(POLLIN), revents: 0)
            #expect(poll(&ready, 1, 5000) == 1)
            let accepted = try StreamSocket.accept(listening.rawValue)
            #expect(accepted.local == endpoint)
            #expect(accepted.remote == connecting.localEndpoint)
            server = accepted.take()
            client = connecting
            listener = listening
        }
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func multipathIsToldFromTCP(address: String) throws {
        let multipath = try Pair(.mptcp, address)
        #expect(multipath.server.multipathToken != nil)
        let tcp = try Pair(.tcp, address)
        #expect(tcp.server.multipathToken == nil)
        #expect(tcp.server.multipathInfo == nil)
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func theKernelTellsOfSubflows(address: String) throws {
        let pair = try Pair(.mptcp, address)
        let known = pair.server.multipathInfo
        let info = try #require(known)
        let subflow = try #require(info.subflows.first)
        #expect(info.subflows.count == 1)
        #expect(subflow.local == pair.server.localEndpoint)
        #expect(subflow.remote == pair.client.localEndpoint)
        #expect(subflow.stateName == "established")
        let diagnostics = try SocketDiagnostics()
        let isKnown = try diagnostics.hasConnection(token: info.token)
        #expect(isKnown)
        let isOtherKnown = try diagnostics.hasConnection(token: ~info.token)
        #expect(!isOtherKnown)
        let more = diagnostics.subflow(local: subflow.local, remote: subflow.remote)
        // MPTCP_SUBFLOW_FLAG_MCAP_REM: the peer's SYN had MP_CAPABLE.
        #expect(try #require(more).flags & 1 == 1)
        #expect(try #require(more).isBackup == false)
    }

    @Test func aSubflowThatIsGoneHasNoFlags() throws {
        let nobody = try #require(Endpoint("127.0.0.1:1"))
        let flags = try SocketDiagnostics().subflow(local: nobody, remote: nobody)
        #expect(flags == nil)
    }

    @Test func resetOnCloseResets() throws {
        let pair = try Pair(.tcp, "127.0.0.1")
        try pair.server.setResetOnClose(true)
        shutdownNow(pair.server.rawValue)
        var byte: UInt8 = 0
        var ready = pollfd(fd: pair.client.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(poll(&ready, 1, 5000) == 1)
        let result = systemCallResult { recv(pair.client.rawValue, &byte, 1, 0) }
        #expect(result == .failure(.connectionReset))
    }

    /// Puts another socket in the descriptor's place, which closes the connection that it was.
    private func shutdownNow(_ descriptor: Int32) {
        let other = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        dup2(other, descriptor)
        close(other)
    }

    @Test func errorsNameTheOperationAndTheReason() throws {
        let address = try #require(Endpoint("192.0.2.1:80"))
        let socket = try StreamSocket.open(.tcp, for: address.address)
        do throws(SystemError) {
            try socket.bind(to: address)
            Issue.record("bound to a foreign address")
        } catch {
            #expect(error.errno == .addressNotAvailable)
            #expect(error.description.contains("bind 192.0.2.1:80"))
        }
    }
}
