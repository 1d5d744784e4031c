import Converter
import Handshake
import LinuxSystem
import Marks
import Wire

extension SharedUse {
    private static let count = 20_000
    private static let server = Endpoint("10.9.0.2:443")!

    /// Each time another client's, of a thousand.
    private static func tuple(_ thread: Int, _ number: Int) -> FourTuple {
        FourTuple(
            client: Endpoint(
                address: IPAddress(v4: 0x0a01_0000 + UInt32(thread)), port: UInt16(10_000 + number % 1000)),
            server: server)
    }

    private static func filledMemory() -> ServerMemory {
        let memory = ServerMemory(
            ServerDirectory(capacity: 10_000, lifetime: .seconds(3600), dialTimeout: .milliseconds(900)))
        for number in 0..<1000 {
            memory.learn(.speaksTCP, of: Endpoint(address: IPAddress(v4: UInt32(number)), port: 443))
        }
        memory.learn(.speaksTCP, of: server)
        return memory
    }

    /// What a SYN asks, of a server that is known.
    static let serverAdvice = SharedUse(name: "memory of servers: advice", count: count) {
        let memory = filledMemory()
        return { thread, number in _ = memory.advice(for: tuple(thread, number)) }
    }

    /// What a server's answer tells.
    static let serverAnswer = SharedUse(name: "memory of servers: answer", count: count) {
        let memory = filledMemory()
        return { thread, number in memory.learnAnswer(tuple(thread, number), after: 1_000_000) }
    }

    /// A listener that stands is taken for a handshake, and let go: two calls. Opening one takes CAP_NET_ADMIN.
    static let listener = SharedUse(name: "table of listeners: begin and end", count: count) {
        let table = try standing()
        return { thread, number in
            _ = table.ensure(tuple(thread, number), isJoin: false)
            table.end(tuple(thread, number))
        }
    }

    /// Another is opened and closed, under the lock.
    static let listenerOpened = SharedUse(name: "table of listeners: open and close", count: 200) {
        let table = try standing()
        return { thread, number in
            let server = Endpoint(address: server.address, port: UInt16(20_000 + thread))
            _ = table.ensure(FourTuple(client: tuple(thread, number).client, server: server), isJoin: false)
            table.close([ListenerTable.Key(server)])
        }
    }

    /// Its sockets are in a network namespace of their own.
    private static func standing() throws -> ListenerTable {
        try NetworkNamespace.runInNew {
            let table = ListenerTable(setting)
            if case .unavailable(let error) = table.ensure(tuple(0, 0), isJoin: false) { throw error }
            return table
        }
    }

    private static let setting = ConverterSetting(
        listenAddress: IPAddress("127.77.0.1")!, listenAddress6: IPAddress("::1")!, mark: .standard, groups: .standard,
        workers: 2, dialTimeout: .milliseconds(900), clientTimeout: .seconds(5), listenerIdle: .seconds(1),
        idleTimeout: nil, clientKeepalive: nil, serverKeepalive: nil, upstreamPorts: 4096...32767, maxPending: 16,
        maxPendingPerClient: 16, maxConnections: 16, serverMemory: .seconds(3600), serverMemoryEntries: 10_000,
        receiveBuffer: nil, sendBuffer: nil, congestionControl: nil)
}
