import Foundation
import Wire

/// Who had an address and a port at a server, at a time? As a server's own log, or somebody who has read one, asks.
public struct SessionQuery: Hashable, Sendable {
    public var server: Endpoint
    /// That the server has seen.
    public var port: UInt16
    /// nil: any.
    public var client: IPAddress?
    /// Nanoseconds since 1970.
    public var time: Int64
    /// How far the asker's clock may be from this machine's, in nanoseconds.
    public var tolerance: Int64

    public init(server: Endpoint, port: UInt16, client: IPAddress? = nil, time: Int64, tolerance: Int64 = 0) {
        self.server = server
        self.port = port
        self.client = client
        self.time = time
        self.tolerance = tolerance
    }
}

/// A session as log lines tell of it. The names of its keys in JSON are those of the lines.
public struct LoggedSession: Codable, Hashable, Sendable {
    public struct Subflow: Codable, Hashable, Sendable {
        public var client: String
        public var server: String
        public var interface: String?
        public var bytesToClient: UInt64
        public var bytesToServer: UInt64

        enum CodingKeys: String, CodingKey {
            case client, server, interface
            case bytesToClient = "bytes_to_client"
            case bytesToServer = "bytes_to_server"
        }
    }

    public var session: UInt64
    public var client: String
    public var server: String
    public var upstream: String
    public var token: String?
    public var interface: String?
    public var start: String
    /// nil: the log has none.
    public var end: String?
    /// Where there is no end: it was over by then, for the daemon was started anew, or the port had another session.
    public var endedBefore: String?
    public var reason: String?
    public var bytesToClient: UInt64?
    public var bytesToServer: UInt64?
    public var subflows: [Subflow]?

    enum CodingKeys: String, CodingKey {
        case session, client, server, upstream, token, interface, start, end, reason, subflows
        case endedBefore = "ended_before"
        case bytesToClient = "bytes_to_client"
        case bytesToServer = "bytes_to_server"
    }
}

/// Finds what answers a question among lines, in whatever order files are read. Pure.
public struct SessionSearch {
    private let query: SessionQuery
    /// What lines have of it that are looked at at all.
    private let sign: [UInt8]
    private var found: [UInt64: LoggedSession] = [:]
    private var starts: [Int64] = []
    /// Lines about this server that are no record, or only part of one.
    public private(set) var unreadable = 0

    private static let startSign = Array("\"event\":\"\(LogMark.daemonStarted.rawValue)\"".utf8)

    public init(_ query: SessionQuery) {
        self.query = query
        sign = Array("\"server\":\"\(query.server)\"".utf8)
    }

    /// Of lines and marks alike.
    private struct Line: Decodable {
        var time: String
        var event: String
        var session: UInt64?
        var start: String?
        var client: String?
        var server: String?
        var upstream: String?
        var token: String?
        var interface: String?
        var reason: String?
        var bytesToClient: UInt64?
        var bytesToServer: UInt64?
        var subflows: [LoggedSession.Subflow]?

        enum CodingKeys: String, CodingKey {
            case time, event, session, start, client, server, upstream, token, interface, reason, subflows
            case bytesToClient = "bytes_to_client"
            case bytesToServer = "bytes_to_server"
        }
    }

    /// A line without its end.
    public mutating func take(_ line: UnsafeRawBufferPointer) {
        guard line.holds(sign) || line.holds(Self.startSign) else { return }
        guard let line = try? JSONDecoder().decode(Line.self, from: Data(line)) else {
            unreadable += 1
            return
        }
        switch line.event {
        case LogMark.daemonStarted.rawValue: if let time = LogTime.parse(line.time) { starts.append(time) }
        case "start", "end": take(line)
        default: break
        }
    }

    private mutating func take(_ line: Line) {
        guard let number = line.session, let client = line.client, let server = line.server,
            let start = line.event == "end" ? line.start : line.time
        else {
            unreadable += 1
            return
        }
        guard server == query.server.description, let upstream = line.upstream.flatMap({ Endpoint($0) }),
            upstream.port == query.port, query.client == nil || upstream.address == query.client
        else { return }
        // The end has all that the start has.
        guard line.event == "end" || found[number] == nil else { return }
        found[number] = LoggedSession(
            session: number, client: client, server: server, upstream: upstream.description, token: line.token,
            interface: line.interface, start: start, end: line.event == "end" ? line.time : nil, endedBefore: nil,
            reason: line.reason, bytesToClient: line.bytesToClient, bytesToServer: line.bytesToServer,
            subflows: line.subflows)
    }

    /// Those that were there at that time, in the order of their starts.
    public var answers: [LoggedSession] {
        let times = found.values.map { (session: $0, start: LogTime.parse($0.start) ?? 0) }.sorted {
            ($0.start, $0.session.session) < ($1.start, $1.session.session)
        }
        return times.compactMap { session, start in
            var session = session
            var end = session.end.flatMap { LogTime.parse($0) }
            if end == nil {
                // The port is free again when it has another session.
                let successors = times.filter { $0.start > start && $0.session.upstream == session.upstream }
                end = (starts.filter { $0 > start } + successors.map(\.start)).min()
                session.endedBefore = end.map(LogTime.text)
            }
            let isThere =
                start <= query.time + query.tolerance && query.time - query.tolerance <= end ?? .max
            return isThere ? session : nil
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func holds(_ part: [UInt8]) -> Bool {
        guard let baseAddress, let first = part.first, count >= part.count else { return false }
        let last = baseAddress + (count - part.count)
        var place = baseAddress
        while place <= last, let found = memchr(place, Int32(first), last - place + 1) {
            if memcmp(found, part, part.count) == 0 { return true }
            place = UnsafeRawPointer(found) + 1
        }
        return false
    }
}
