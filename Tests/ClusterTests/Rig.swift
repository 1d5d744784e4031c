import Foundation
import Lab
import LinuxSystem
import Logging
import Subprocess
import Synchronization
import Wire

@testable import Cluster

/// A Redis server and boxes that use it.
final class Rig: Sendable {
    let folder: String
    let port: UInt16
    let messages = Messages()
    private let server = Mutex<RedisServer?>(nil)
    private let starts = Atomic<Int>(0)

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "cluster-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        port = try RedisServer.freePort()
    }

    deinit {
        server.withLock { $0 = nil }
        try? FileManager.default.removeItem(atPath: folder)
    }

    func start(password: String? = nil) async throws {
        let number = starts.wrappingAdd(1, ordering: .relaxed).newValue
        let new = try await RedisServer(port: port, password: password, file: "\(folder)/redis-\(number)")
        server.withLock { $0 = new }
    }

    func kill() async throws { try await server.withLock { $0 }?.kill() }

    func signal(_ number: Int32) { server.withLock { $0?.process.signal(number) } }

    /// Asks the server by redis-cli.
    @discardableResult
    func ask(_ words: String..., password: String? = nil) async throws -> String {
        let login = password.map { ["--no-auth-warning", "-a", $0] } ?? []
        let result = try await run(
            .name("redis-cli"), arguments: Arguments(["-h", "127.0.0.1", "-p", "\(port)"] + login + words),
            output: .string(limit: 1 << 24), error: .string(limit: 1 << 16))
        return result.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func setting(_ id: String, peers: [String] = [], password: String? = nil) -> ClusterSetting {
        ClusterSetting(
            id: id,
            redis: RedisAddress(
                server: Endpoint(address: IPAddress("127.0.0.1")!, port: port), password: password, database: 0),
            peers: peers)
    }

    /// `nonce`: that of a process that it takes the place of.
    func box(_ setting: ClusterSetting, room: Int = Cluster.defaultRoom, nonce: UInt64? = nil) throws -> Box {
        try Box(setting, room: room, nonce: nonce, log: Logger(label: "test") { [messages] _ in messages })
    }

    func box(_ id: String, peers: [String] = []) throws -> Box { try box(setting(id, peers: peers)) }
}

/// A box's part of the cluster, and the answers to its questions.
final class Box: Sendable {
    let cluster: Cluster
    private let answers: Answers
    private let last = Atomic<UInt64>(0)

    private final class Answers: Sendable {
        let all = Mutex<[UInt64: TokenLocation]>([:])
    }

    init(_ setting: ClusterSetting, room: Int, nonce: UInt64?, log: Logger) throws {
        let answers = Answers()
        self.answers = answers
        cluster = try Cluster(setting, log: log, room: room, nonce: nonce ?? .random(in: 1 ... .max)) { id, location in
            answers.all.withLock { $0[id] = location }
        }
    }

    deinit { cluster.stop(isOver: !hasSuccessor.load(ordering: .relaxed)) }

    /// Another process has taken over.
    let hasSuccessor = Atomic(false)

    var isConnected: Bool { cluster.report.error == nil }

    func opened(_ number: UInt32) { cluster.opened(tuple(number), Token(number)) }

    func announced(_ number: UInt32) { cluster.announced(tuple(number), Token(number)) }

    func ended(_ number: UInt32) { cluster.ended(tuple(number)) }

    /// Where the token is, and how it was found out.
    func ask(_ number: UInt32) async throws -> TokenLocation {
        let id = last.wrappingAdd(1, ordering: .relaxed).newValue
        cluster.ask(id, Token(number), at: tuple(number).server.address)
        try await wait { answers.all.withLock { $0[id] != nil } }
        return answers.all.withLock { $0[id]! }
    }

    func count(_ outcome: LookupOutcome) -> UInt64 { cluster.report.lookups[outcome] ?? 0 }
}

/// The connection of that number: IPv4 and IPv6 by turns.
func tuple(_ number: UInt32) -> FourTuple {
    let isIPv4 = number % 2 == 0
    let client =
        isIPv4
        ? IPAddress(v4: 0x0a01_0000 | number >> 12) : IPAddress(high: 0x2001_0db8 << 32, low: UInt64(number >> 12))
    let server = isIPv4 ? IPAddress("192.0.2.1")! : IPAddress("2001:db8::1")!
    return FourTuple(
        client: Endpoint(address: client, port: UInt16(4096 + number & 0xfff)),
        server: Endpoint(address: server, port: 443))
}

func name(_ number: UInt32) -> String {
    String(decoding: TokenKey(token: Token(number), server: tuple(number).server.address).name, as: UTF8.self)
}

/// Asks again and again, for half a minute at the most.
func wait(_ what: String = "it", _ condition: () async throws -> Bool) async throws {
    for _ in 0..<6000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    throw TimedOut(description: "waited in vain for \(what)")
}

struct TimedOut: Error, CustomStringConvertible { let description: String }

/// What has been logged.
final class Messages: LogHandler, @unchecked Sendable {
    private let lock = NSLock()
    private var texts: [String] = []
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) { lock.withLock { texts.append("\(event.level): \(event.message)") } }

    var all: [String] { lock.withLock { texts } }

    func count(_ part: String) -> Int { all.count { $0.contains(part) } }
}
