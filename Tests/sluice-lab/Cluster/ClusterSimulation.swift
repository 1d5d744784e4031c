import ArgumentParser
import Cluster
import DequeModule
import Lab
import Wire

/// Many boxes with more connections than a lab has: the product's own code for what the directory is told and what becomes of a join,
/// against a directory that is a table and a rate. No kernel, no clock: times are the simulation's.
struct ClusterSimulation: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster-simulation",
        abstract: "Commands to the directory, and joins that reach their owner, of boxes that are simulated.",
        discussion: "Of each connection one join comes, at any box. docs/cluster.md has results.")

    @Option(help: "Boxes, 2-16.")
    var boxes = 16
    @Option(help: "Live connections of all boxes.")
    var live = 1_000_000
    @Option(help: "New connections a second, of all boxes.")
    var rate = 50_000
    @Option(help: "Commands that the directory carries out in a second.")
    var capacity = 250_000
    @Option(help: "From a box to the directory, one way.")
    var way = Duration.microseconds(100)
    @Option(help: "From the box's answer to a client's SYN until its join comes.")
    var join = Duration.milliseconds(20)
    @Option(help: "How long each part lasts.")
    var part = Duration.seconds(10)

    func validate() throws {
        #if DEBUG
            throw ValidationError("too slow in a debug build: swift build -c release")
        #else
            guard (2...16).contains(boxes), live > 0, rate > 0, capacity > 0 else {
                throw ValidationError("a cluster has 2-16 boxes, and there has to be something to do")
            }
        #endif
    }

    func run() throws {
        var simulation = Simulation(self)
        print(
            "| meanwhile | seconds | commands/s | SET | DEL | GET | joins at others | found | unknown | not in time | no directory | "
                + "box gone | lookup p50 ms | p99 ms |")
        print("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
        simulation.populate()
        simulation.observe("all tokens are told at once", until: { $0.isAllTold })
        simulation.observe("as ever", for: part)
        simulation.isUp = false
        simulation.observe("the directory is gone", for: part)
        simulation.restart()
        simulation.observe("it is back, and empty, until it has all", until: { $0.isAllTold })
        simulation.observe("as ever", for: part)
        simulation.kill(0)
        simulation.observe("a box is gone", for: part)
    }
}

/// Splitmix64.
private struct SimulationRandom: RandomNumberGenerator {
    var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

private struct Simulation {
    struct Connection {
        let tuple: FourTuple
        let key: TokenKey
        let owner: Int
    }

    enum Event {
        case accepted(Connection)
        case joins(Connection)
        case ends(Connection)
    }

    struct Box {
        let name: [UInt8]
        var isAlive = true
        var ledger: TokenLedger
        var lookups: Lookups
        /// When answers come to what was told.
        var told = Deque<UInt64>()
        /// Answers on their way to questions.
        var answers = Deque<(time: UInt64, id: UInt64, value: [UInt8]?)>()
        var asked: [UInt64: UInt64] = [:]
        var nextSign: UInt64 = 0
        var signedUntil: UInt64 = 0
    }

    struct Counts {
        var commands: [String: Int] = [:]
        var joins = 0
        var outcomes: [LookupOutcome: Int] = [:]
        var times: [UInt64] = []
    }

    var isUp = true
    private let setting: ClusterSimulation
    private var boxes: [Box]
    private var directory: [TokenKey: Int] = [:]
    /// When the directory has carried out all that it has been sent.
    private var free: UInt64 = 0
    private var now: UInt64 = 0
    private var events: [UInt64: [Event]] = [:]
    private var counts = Counts()
    private var serial: UInt64 = 0
    private var random = SimulationRandom()
    private let service: UInt64
    private let way: UInt64
    private let lifetime: Double

    private static let tick: UInt64 = 100_000

    init(_ setting: ClusterSimulation) {
        self.setting = setting
        service = UInt64(1_000_000_000 / setting.capacity)
        way = UInt64(setting.way.microseconds) * 1000
        lifetime = Double(setting.live) / Double(setting.rate)
        let names = (0..<setting.boxes).map { "box-\($0)" }
        let redis = RedisAddress(server: Endpoint(address: IPAddress("192.0.2.1")!, port: 6379))
        boxes = names.map { name in
            let own = ClusterSetting(id: name, redis: redis, peers: names.filter { $0 != name })
            return Box(
                name: Array(name.utf8), ledger: TokenLedger(lifetime: own.tokenLifetime), lookups: Lookups(own))
        }
    }

    var isAllTold: Bool {
        boxes.allSatisfy { $0.ledger.waiting == 0 && $0.told.count < 100 } && directory.count >= liveCount
    }

    private var liveCount: Int { boxes.reduce(0) { $0 + ($1.isAlive ? $1.ledger.count : 0) } * 99 / 100 }

    // MARK: what happens

    mutating func populate() {
        for box in boxes.indices {
            var all: [(FourTuple, TokenKey)] = []
            for _ in 0..<setting.live / boxes.count {
                let connection = connection(at: box)
                all.append((connection.tuple, connection.key))
                schedule(.ends(connection), after: duration())
            }
            boxes[box].ledger.adopted(all, at: now)
        }
    }

    mutating func restart() {
        isUp = true
        directory = [:]
        free = now
        for box in boxes.indices {
            boxes[box].ledger.tellAll(at: now)
            boxes[box].nextSign = now
        }
    }

    mutating func kill(_ box: Int) { boxes[box].isAlive = false }

    mutating func observe(_ what: String, for time: Duration) {
        let end = now + UInt64(time.microseconds) * 1000
        observe(what) { $0.now >= end }
    }

    mutating func observe(_ what: String, until isOver: (Simulation) -> Bool) {
        let start = now
        counts = Counts()
        if !isUp { loseDirectory() }
        repeat {
            for _ in 0..<100 { turn() }
        } while !isOver(self) && now - start < 300_000_000_000
        print(line(what, Double(now - start) / 1e9))
        flushOutput()
    }

    private mutating func loseDirectory() {
        for box in boxes.indices {
            for case .answer(_, let outcome, _) in boxes[box].lookups.lose() {
                counts.outcomes[outcome, default: 0] += 1
            }
            boxes[box].told.removeAll()
            boxes[box].answers.removeAll()
            boxes[box].asked.removeAll()
        }
    }

    private mutating func turn() {
        now += Self.tick
        let share = Double(setting.rate) * Double(Self.tick) / 1e9
        let new = Int(share) + (Double.random(in: 0..<1, using: &random) < share - share.rounded(.down) ? 1 : 0)
        for _ in 0..<new { begin() }
        for event in events.removeValue(forKey: now / Self.tick) ?? [] { carryOut(event) }
        for box in boxes.indices where boxes[box].isAlive { serve(box) }
    }

    private mutating func begin() {
        let box = Int.random(in: boxes.indices, using: &random)
        // The router knows of a box that is gone.
        guard boxes[box].isAlive else { return }
        let connection = connection(at: box)
        boxes[box].ledger.announced(connection.tuple, connection.key, at: now)
        let wait = UInt64(setting.join.microseconds) * 1000
        schedule(.accepted(connection), after: wait / 2)
        schedule(.joins(connection), after: wait)
        schedule(.ends(connection), after: wait + duration())
    }

    private mutating func carryOut(_ event: Event) {
        switch event {
        case .accepted(let connection):
            if boxes[connection.owner].isAlive {
                boxes[connection.owner].ledger.opened(connection.tuple, connection.key, at: now)
            }
        case .ends(let connection): boxes[connection.owner].ledger.ended(connection.tuple)
        case .joins(let connection):
            let box = Int.random(in: boxes.indices, using: &random)
            guard box != connection.owner, boxes[box].isAlive else { return }
            counts.joins += 1
            serial += 1
            boxes[box].asked[serial] = now
            handle(boxes[box].lookups.begin(serial, connection.key, isReachable: isUp, at: now), at: box)
        }
    }

    // MARK: a box and the directory

    private mutating func serve(_ box: Int) {
        while let first = boxes[box].told.first, first <= now { boxes[box].told.removeFirst() }
        while let first = boxes[box].answers.first, first.time <= now {
            boxes[box].answers.removeFirst()
            if let step = boxes[box].lookups.answered(first.id, first.value, at: now) { handle(step, at: box) }
        }
        for step in boxes[box].lookups.due(at: now) { handle(step, at: box) }
        guard isUp else { return }
        if boxes[box].nextSign <= now { sign(box) }
        while boxes[box].told.count < TokenLedger.window, let write = boxes[box].ledger.next(at: now) {
            switch write {
            case .set(let key):
                boxes[box].told.append(send("SET"))
                directory[key] = box
            case .delete(let key):
                boxes[box].told.append(send("DEL"))
                directory[key] = nil
            }
        }
    }

    /// Returns when the answer comes.
    private mutating func send(_ command: String) -> UInt64 {
        counts.commands[command, default: 0] += 1
        free = max(free, now + way) + service
        return free + way
    }

    private mutating func sign(_ box: Int) {
        boxes[box].nextSign = now + 500_000_000
        boxes[box].signedUntil = now + 2_000_000_000
        _ = send("SET")
        _ = send("MGET")
        var number = 0
        for peer in boxes.indices where peer != box {
            boxes[box].lookups.heard(of: number, isAlive: boxes[peer].signedUntil > now, at: now)
            number += 1
        }
    }

    private mutating func handle(_ step: Lookups.Step, at box: Int) {
        switch step {
        case .ask(let id, let key):
            let time = send("GET")
            boxes[box].answers.append((time, id, directory[key].map { boxes[$0].name }))
        case .answer(let id, let outcome, _):
            counts.outcomes[outcome, default: 0] += 1
            if let start = boxes[box].asked.removeValue(forKey: id) { counts.times.append(now - start) }
        }
    }

    // MARK: helpers

    private mutating func connection(at owner: Int) -> Connection {
        serial += 1
        let server = IPAddress(v4: 0xc633_6400 + UInt32(serial % 200))
        let client = Endpoint(
            address: IPAddress(v4: 0x0a00_0000 + UInt32(truncatingIfNeeded: serial >> 14)),
            port: UInt16(truncatingIfNeeded: serial & 0x3fff) + 32768)
        return Connection(
            tuple: FourTuple(client: client, server: Endpoint(address: server, port: 443)),
            key: TokenKey(token: Token(UInt32.random(in: 0 ... .max, using: &random)), server: server), owner: owner)
    }

    private mutating func duration() -> UInt64 { UInt64.random(in: 0...UInt64(2 * lifetime * 1e9), using: &random) }

    private mutating func schedule(_ event: Event, after time: UInt64) {
        events[(now + time) / Self.tick + 1, default: []].append(event)
    }

    private func line(_ what: String, _ seconds: Double) -> String {
        let rate = { (name: String) in decimal(Double(counts.commands[name] ?? 0) / seconds, places: 0) }
        let all = counts.commands.values.reduce(0, +)
        let share = { (outcomes: [LookupOutcome]) in
            let count = outcomes.reduce(0) { $0 + (counts.outcomes[$1] ?? 0) }
            return counts.joins == 0 ? "-" : decimal(100 * Double(count) / Double(counts.joins), places: 3) + " %"
        }
        let sorted = counts.times.sorted()
        let quantile = { (share: Double) in
            sorted.isEmpty ? "-" : decimal(Double(sorted[Int(share * Double(sorted.count - 1))]) / 1e6, places: 2)
        }
        let cells = [
            what, decimal(seconds, places: 1), decimal(Double(all) / seconds, places: 0), rate("SET"), rate("DEL"),
            rate("GET"), "\(counts.joins)", share([.found]), share([.absent, .remembered, .own, .stranger]),
            share([.late, .crowded]), share([.unreachable]), share([.down]), quantile(0.5), quantile(0.99),
        ]
        return "| " + cells.joined(separator: " | ") + " |"
    }
}
