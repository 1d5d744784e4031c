public import HandOver
import Wire

// A tracker's connections in the record of a hand-over. Times are of the machine's steady clock, which both daemons read.

extension Tracker {
    /// Connections that aren't over, the most idle first. Of those that are there may be thousands for each that isn't, and what is
    /// said of them yet tells nobody anything.
    public func write(to writer: inout RecordWriter) {
        var ids: [ConnectionID] = []
        var place: Int? = 0
        while let start = place {
            let (some, next) = connections.chunk(from: start, limit: 1024)
            ids += some
            place = next
        }
        let all = ids.map { connections[$0] }.filter { Self.kind($0) != .over }.sorted { $0.lastSeen < $1.lastSeen }
        writer.write(all: all) { $1.write(to: &$0) }
    }

    /// Takes up the connections of a record, as far as there is room; for a tracker that has seen nothing yet. Returns their ids.
    public mutating func adopt(from reader: inout RecordReader) throws(RecordError) -> [ConnectionID] {
        let all = try reader.all { (reader) throws(RecordError) in try Connection(from: &reader) }
        let ids = all.suffix(limits.connections).map { adopt($0) }
        events.removeAll(keepingCapacity: true)
        var kept: [ConnectionID] = []
        for id in ids where connections.contains(id) { kept.append(id) }
        return kept
    }

    private mutating func adopt(_ connection: Connection) -> ConnectionID {
        let kind = Self.kind(connection)
        let id = kind == .embryonic ? insert(connection) : connections.insert(connection, as: kind)
        for subflow in connection.subflows {
            // One that is closed may have left its ports to another.
            let key = FlowKey(subflow.endpoints.client, subflow.endpoints.server)
            guard !subflow.state.isClosed || flows[key] == nil else { continue }
            flows[key] = FlowReference(connection: id, subflow: subflow.number)
        }
        for host in Host.allCases {
            if let token = connection.hosts[host].token {
                tokens.add(TokenOwner(connection: id, host: host), of: token)
            }
        }
        settle(id, connection.lastSeen)
        return id
    }
}

extension Connection {
    fileprivate func write(to writer: inout RecordWriter) {
        writer.write(tuple)
        writer.write(openedAt)
        writer.write(lastSeen)
        writer.write(isForwarded)
        writer.write(isPartial)
        writer.write(version)
        state.write(to: &writer)
        writer.write(fallback) { $0.write($1.rawValue) }
        for host in Host.allCases { hosts[host].write(to: &writer) }
        writer.write(all: subflows) { $1.write(to: &$0) }
        writer.write(lastEnd) { $1.write(to: &$0) }
        writer.write(all: anomalies.all) { $0.write($1.rawValue) }
        writer.write(bytes)
        writer.write(alarm)
        writer.write(revision)
        writer.write(UInt32(nextSubflowNumber))
        for flag in [isProven, isSilenced, isReleased] { writer.write(flag) }
        writer.write(dscp) { $0.write($1.trafficClass) }
        writer.write(dscpTold)
    }

    fileprivate init(from reader: inout RecordReader) throws(RecordError) {
        let tuple = try reader.tuple()
        self.init(
            openedAt: try reader.number(), lastSeen: try reader.number(), isForwarded: try reader.flag(),
            isPartial: try reader.flag(), version: try reader.number(), state: try ConnectionState(from: &reader),
            tuple: tuple)
        fallback = try reader.optional { (reader) throws(RecordError) in try FallbackReason(from: &reader) }
        for host in Host.allCases { hosts[host] = try HostState(from: &reader) }
        subflows = try reader.all { (reader) throws(RecordError) in try Subflow(from: &reader) }
        lastEnd = try reader.optional { (reader) throws(RecordError) in try SubflowEnd(from: &reader) }
        for name in try reader.all({ (reader) throws(RecordError) in try reader.text() }) {
            guard let anomaly = Anomaly(rawValue: name) else { throw .value("anomaly") }
            anomalies.insert(anomaly)
        }
        bytes = try reader.number()
        alarm = try reader.number()
        revision = try reader.number()
        nextSubflowNumber = Int(try reader.number(UInt32.self))
        isProven = try reader.flag()
        isSilenced = try reader.flag()
        isReleased = try reader.flag()
        dscp = try reader.optional { (reader) throws(RecordError) in DSCP(trafficClass: try reader.number()) }
        dscpTold = try reader.number()
    }
}

extension Connection.HostState {
    fileprivate func write(to writer: inout RecordWriter) {
        writer.write(key) { $0.write($1.rawValue) }
        writer.write(token) { $0.write($1.rawValue) }
        stream.write(to: &writer)
        writer.write(all: addresses) { writer, announced in
            writer.write(announced.id.rawValue)
            writer.write(announced.address)
            writer.write(announced.port) { $0.write($1) }
            writer.write(announced.isEchoed)
        }
    }

    fileprivate init(from reader: inout RecordReader) throws(RecordError) {
        key = try reader.optional { (reader) throws(RecordError) in MultipathKey(try reader.number()) }
        token = try reader.optional { (reader) throws(RecordError) in Token(try reader.number()) }
        stream = try DataStream(from: &reader)
        addresses = try reader.all { (reader) throws(RecordError) in
            var announced = Connection.AnnouncedAddress(
                id: AddressID(try reader.number()), address: try reader.address(),
                port: try reader.optional { (reader) throws(RecordError) in try reader.number() })
            announced.isEchoed = try reader.flag()
            return announced
        }
    }
}

extension Subflow {
    fileprivate func write(to writer: inout RecordWriter) {
        writer.write(UInt32(number))
        writer.write(FourTuple(client: endpoints.client, server: endpoints.server))
        writer.write(initiator.rawValue)
        writer.write(interface)
        writer.write(openedAt)
        state.write(to: &writer)
        for host in Host.allCases {
            writer.write(asksForBackup[host])
            writer.write(addressID[host]) { $0.write($1.rawValue) }
            writer.write(nonces[host]) { $0.write($1) }
            streams[host].write(to: &writer)
        }
        writer.write(hasJoined)
        writer.write(hasWrongHMAC)
    }

    fileprivate init(from reader: inout RecordReader) throws(RecordError) {
        let number = Int(try reader.number(UInt32.self))
        let tuple = try reader.tuple()
        self.init(
            number: number, endpoints: PerHost(client: tuple.client, server: tuple.server),
            initiator: try Host(from: &reader), interface: try reader.number(), openedAt: try reader.number(),
            state: try SubflowState(from: &reader), addressID: PerHost(both: nil))
        for host in Host.allCases {
            asksForBackup[host] = try reader.flag()
            addressID[host] = try reader.optional { (reader) throws(RecordError) in AddressID(try reader.number()) }
            nonces[host] = try reader.optional { (reader) throws(RecordError) in try reader.number() }
            streams[host] = try SubflowStream(from: &reader)
        }
        hasJoined = try reader.flag()
        hasWrongHMAC = try reader.flag()
    }
}
