import DequeModule
import Wire

/// Many processors that serve connections and share locks, by discrete events: the same from the same seed.
///
/// A closed system: so many connections are under way at any time, each a row of works, every one on the thread that it
/// belongs to; when one is over, another begins, of some pair of addresses. A thread does one work after the other in the
/// order in which they came. Locks are had in turn, first come first served, and whoever waits for one keeps its processor.
public struct CoreSimulation {
    /// A processor has done what comes before the hold of this number, and goes on with it.
    private struct Event {
        let core: Int
        let hold: Int
    }

    private struct Lock {
        var holder: Int?
        var lastHolder: Int?
        var waiting: Deque<(core: Int, hold: Int, since: Double)> = []
        var heldTime = 0.0
        var waitedTime = 0.0
    }

    private struct Connection {
        let tuple: FourTuple
        var step = 0
    }

    private let layout: CoreLayout
    private let works: [CoreWork]
    private let secret: UInt32
    private let pairs: [(client: IPAddress, server: IPAddress)]
    private var random: SoakRandom
    private var events = EventQueue<Event>()
    private var now = 0.0
    private var connections: [Connection] = []
    /// What waits for each processor, the one that is served included.
    private var lines: [Deque<Int>]
    private var busySince: [Double]
    private var busyTime: [Double]
    private var locks: [SharedLock: Lock] = [:]
    private var done = 0

    /// Begins with `underWay` connections for each processor.
    public init(_ layout: CoreLayout, _ works: [CoreWork], underWay: Int = 32, seed: UInt64 = 1) {
        self.layout = layout
        self.works = works
        var random = SoakRandom(seed: seed, purpose: 21)
        secret = .random(in: .min ... .max, using: &random)
        pairs = (0..<layout.pairs).map { _ in
            (
                IPAddress(v4: .random(in: .min ... .max, using: &random)),
                IPAddress(v4: .random(in: .min ... .max, using: &random))
            )
        }
        self.random = random
        lines = Array(repeating: [], count: layout.cores)
        busySince = Array(repeating: 0, count: layout.cores)
        busyTime = Array(repeating: 0, count: layout.cores)
        for lock in SharedLock.allCases { locks[lock] = Lock() }
        for index in 0..<underWay * layout.cores {
            connections.append(newConnection())
            // Not all at their beginning.
            connections[index].step = Int.random(in: works.indices, using: &self.random)
            enqueue(index)
        }
    }

    /// Until so many connections are over; the first quarter doesn't count, in which lines fill up.
    public static func run(
        _ layout: CoreLayout, _ works: [CoreWork], connections: Int, seed: UInt64 = 1
    ) -> CoreOutcome {
        var simulation = CoreSimulation(layout, works, seed: seed)
        simulation.advance(until: connections / 4)
        simulation.forget()
        let start = simulation.now
        simulation.advance(until: connections)
        return simulation.outcome(since: start)
    }

    private mutating func advance(until count: Int) {
        while done < count, let (time, event) = events.next() {
            now = time
            take(event.hold, event.core)
        }
    }

    private mutating func newConnection() -> Connection {
        let pair = pairs.randomElement(using: &random)!
        let port = UInt16.random(in: 1024 ... .max, using: &random)
        return Connection(
            tuple: FourTuple(
                client: Endpoint(address: pair.client, port: port), server: Endpoint(address: pair.server, port: 443)))
    }

    private func core(_ connection: Connection) -> Int {
        let tuple = connection.tuple
        return switch works[connection.step].place {
        case .desk: layout.desk(of: tuple)
        case .acceptor: Int(tuple.server.port) % layout.workers
        case .worker: layout.worker(of: tuple, secret: ~secret)
        case .queue: layout.selection.queue(of: tuple, queues: layout.queues, secret: secret)
        }
    }

    private mutating func enqueue(_ index: Int) {
        let core = core(connections[index])
        lines[core].append(index)
        if lines[core].count == 1 {
            busySince[core] = now
            begin(core)
        }
    }

    /// The first in line. Works differ by up to a half from what they take on average.
    private mutating func begin(_ core: Int) {
        let work = works[connections[lines[core][0]].step]
        events.add(Event(core: core, hold: 0), at: now + work.alone * Double.random(in: 0.5..<1.5, using: &random))
    }

    private mutating func take(_ number: Int, _ core: Int) {
        let holds = works[connections[lines[core][0]].step].holds
        if number > 0 { release(holds[number - 1].lock) }
        guard number < holds.count else { return finish(core) }
        let lock = holds[number].lock
        if locks[lock]!.holder == nil {
            grant(holds[number], core, number)
        } else {
            locks[lock]!.waiting.append((core, number, now))
        }
    }

    private mutating func grant(_ hold: LockHold, _ core: Int, _ number: Int) {
        let isWarm = (locks[hold.lock]!.lastHolder ?? core) == core
        let time = isWarm ? hold.alone : hold.contended
        locks[hold.lock]!.holder = core
        locks[hold.lock]!.lastHolder = core
        locks[hold.lock]!.heldTime += time
        events.add(Event(core: core, hold: number + 1), at: now + time)
    }

    private mutating func release(_ lock: SharedLock) {
        locks[lock]!.holder = nil
        guard let (core, number, since) = locks[lock]!.waiting.popFirst() else { return }
        locks[lock]!.waitedTime += now - since
        grant(works[connections[lines[core][0]].step].holds[number], core, number)
    }

    private mutating func finish(_ core: Int) {
        let index = lines[core].removeFirst()
        if lines[core].isEmpty { busyTime[core] += now - busySince[core] } else { begin(core) }
        connections[index].step += 1
        if connections[index].step == works.count {
            done += 1
            connections[index] = newConnection()
        }
        enqueue(index)
    }

    /// What has been counted so far.
    private mutating func forget() {
        for lock in SharedLock.allCases {
            locks[lock]!.heldTime = 0
            locks[lock]!.waitedTime = 0
        }
        for core in lines.indices {
            busyTime[core] = 0
            busySince[core] = now
        }
        done = 0
    }

    private func outcome(since start: Double) -> CoreOutcome {
        let time = now - start
        let busy = lines.indices.map { core in
            (busyTime[core] + (lines[core].isEmpty ? 0 : now - busySince[core])) / time
        }
        return CoreOutcome(
            perSecond: Double(done) / time * 1e9,
            waiting: locks.mapValues { $0.waitedTime / time / Double(layout.cores) },
            held: locks.mapValues { $0.heldTime / time }, busy: busy)
    }
}
