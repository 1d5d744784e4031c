import LinuxSystem
import Logging
import Marks
import SharedTracking
import Steering
import SystemPackage
import Tracking
import TrafficControl
import Wire

/// The state of the throttle thread. Touched on that thread alone.
final class ThrottleDesk {
    /// A subflow that something has been done with, or should have been.
    struct Hold {
        let connection: ConnectionID
        /// By which the kernel's path manager knows the connection; nil for one that goes end to end.
        var token: Token?
        /// What was wanted of it last.
        var treatment = Treatment.none
        /// Its class; nil when it has none, or could not be had.
        var number: UInt8?
        /// Has its client been asked to use it as a backup?
        var isStandby = false

        init(connection: ConnectionID, token: Token?) {
            self.connection = connection
            self.token = token
        }

        /// The rule that is said to hold it.
        var name: String? {
            if let shaping = treatment.shaping, number != nil { return shaping.rule }
            return isStandby ? treatment.standby : nil
        }

        /// Could its class not be had?
        var lacksClass: Bool { treatment.shaping != nil && number == nil }
        /// Would the path manager not have it as a backup?
        var lacksStandby: Bool { treatment.standby != nil && !isStandby }
    }

    /// What a rule has done since it was there.
    struct Tally {
        var matched: UInt64 = 0
        var refused: UInt64 = 0
    }

    let mark: PacketMark
    let offloads: Bool
    /// The subflows of each connection that are left to the kernel.
    var offloaded: [ConnectionID: Set<FourTuple>] = [:]
    let trafficControl: TrafficControl
    let conntrack: ConnectionTracking
    let watch: ConnectionWatch
    let names: HeldNames
    let log: Logger
    /// Told when qdiscs, classes and filters were put back.
    let restored: @Sendable () -> Void
    let downloadsHeld: @Sendable (Set<FourTuple>) -> Void
    /// Those that are to be told.
    var newlyHeld: Set<FourTuple> = []
    var book = RuleBook()
    /// Those of the book, once they are in force.
    var rules: [ThrottleRule] = []
    var steers: [SteerRule] = []
    var paths: PathDesk
    /// What is wanted of each subflow now.
    var planner = Planner()
    /// Connections to be judged again, some with each turn.
    var waiting: Set<ConnectionID> = []
    /// Connections whose bytes are yet to be counted for their clients.
    var uncounted: [ConnectionID] = []
    var retries = RetryQueue()
    var repeats = RequestRepeats()
    var meters = WeightMeters()
    /// As the file has them; `paths` has those that throttles imply as well.
    var declaredPaths: [Path] = []
    /// The longest turn about the paths so far, in nanoseconds.
    var longestTurn: UInt64 = 0
    /// Told of what is decided about paths.
    var decided: @Sendable ([SteerDecision]) -> Void = { _ in }
    let saveVolumes: @Sendable (VolumeLedger) -> Void
    var tallies: [String: Tally] = [:]
    var classes = ClassTable()
    var ports = Ports()
    var held: [FourTuple: Hold] = [:]
    /// The held subflows of each connection.
    var members: [ConnectionID: Set<FourTuple>] = [:]
    var volumes = ClientVolumes()
    var samples = RateSamples()
    var sums = ClassSums()
    var interfaceNames: [UInt32: String] = [:]
    var pathManager: UserspacePathManager?
    var errorLog = RateLimit(every: .seconds(10))
    /// Minutes since midnight, in the router's time zone.
    var minute = 0
    let mailbox: Mailbox<Throttler.Message>
    private var loop: EventLoop
    private var nextTurn = MonotonicTime(nanoseconds: 0)
    private var nextSave = MonotonicTime(nanoseconds: 0)
    private var nextLook = MonotonicTime(nanoseconds: 0)
    private var nextSample = MonotonicTime(nanoseconds: 0)
    private var isStopped = false

    init(
        mark: PacketMark, device: String, offloads: Bool, watch: ConnectionWatch, mailbox: Mailbox<Throttler.Message>,
        names: HeldNames, volumes: VolumeLedger, log: Logger, restored: @escaping @Sendable () -> Void,
        downloadsHeld: @escaping @Sendable (Set<FourTuple>) -> Void,
        saveVolumes: @escaping @Sendable (VolumeLedger) -> Void
    ) throws {
        loop = try EventLoop(capacity: 2)
        try loop.add(mailbox.descriptor, .readable, tag: 0)
        trafficControl = try TrafficControl(device: device)
        conntrack = try ConnectionTracking()
        paths = try PathDesk(volumes)
        self.mark = mark
        self.offloads = offloads
        self.watch = watch
        self.mailbox = mailbox
        self.names = names
        self.log = log
        self.restored = restored
        self.downloadsHeld = downloadsHeld
        self.saveVolumes = saveVolumes
    }

    func run() {
        while !isStopped {
            loop.wait(timeout: patience) { _, _ in }
            readMailbox()
            if let interval = paths.interval, MonotonicTime.now >= nextTurn {
                nextTurn = .now + interval
                steer()
            }
            judgeWaiting()
            countWaiting()
            judgeRetries()
            repeatRequests()
            if MonotonicTime.now >= nextLook {
                lookAround()
                nextLook = .now + .milliseconds(isRetiring ? 20 : 250)
            }
            tellOfHeld()
        }
        countAll()
        releaseAll()
        saveVolumes(paths.ledger)
    }

    /// Milliseconds; -1: until there is a message.
    private var patience: Int32 {
        if !waiting.isEmpty || !uncounted.isEmpty { return 0 }
        let isIdle = rules.isEmpty && classes.entries.isEmpty && ports.isEmpty
        let times = [isIdle ? nil : nextLook, paths.interval == nil ? nil : nextTurn, retries.next, repeats.next]
            .compactMap(\.self)
        return times.min().map { $0.milliseconds(from: .now) } ?? -1
    }

    private func readMailbox() {
        var changed: Set<ConnectionID> = []
        for message in mailbox.take() {
            switch message {
            case .changed(let ids): changed.formUnion(ids)
            case .rules(let change, let answer): answer(Result { try make(change) })
            case .prepareSteering(let answer): answer(Result { try prepareSteering() })
            case .status(let answer): answer(status())
            case .steering(let answer): answer(steeringStatus())
            case .follow(let follower): decided = follower
            case .call(let body): body()
            case .memory(let answer): answer(memory)
            case .goOn(let memory): goOn(from: memory)
            case .stop: isStopped = true
            }
        }
        for id in changed { judge(id) }
    }

    /// Of what is under way all is counted up to now.
    private var memory: SteeringMemory {
        if paths.hasClientCaps { countAll() }
        var memory = SteeringMemory()
        paths.write(to: &memory)
        memory.finished = volumes.finished
        return memory
    }

    private func goOn(from memory: SteeringMemory) {
        paths.goOn(from: memory)
        volumes.goOn(from: memory.finished, at: MonotonicTime.now.nanoseconds)
    }

    private func tellOfHeld() {
        guard !newlyHeld.isEmpty else { return }
        downloadsHeld(newlyHeld)
        newlyHeld = []
    }

    /// What comes from the clock and from the interfaces instead of from a packet.
    private func lookAround() {
        let now = MonotonicTime.now
        removeIdleClasses(at: now)
        if now >= nextSample {
            nextSample = now + .seconds(1)
            restorePorts()
            sample(at: now)
            volumes.forgetSilent(at: now.nanoseconds)
        }
        if now >= nextSave, paths.hasCaps {
            nextSave = now + .seconds(10)
            uncounted = paths.countedConnections
            if uncounted.isEmpty { saveVolumes(paths.ledger) }
        }
        if minute != WallClock.minuteOfDay {
            minute = WallClock.minuteOfDay
            if rules.contains(where: { !$0.hours.isEmpty }) { judgeAll() }
        }
    }

    /// Errors while a rule is carried out: the subflow goes on as it is, and the operator hears of it.
    func report(_ error: some Error, _ rule: String) {
        // What ends may be nobody's any more.
        if !rule.isEmpty { tallies[rule, default: Tally()].refused += 1 }
        guard let suppressed = errorLog.pass(.now) else { return }
        log.error("throttle \(rule): \(error) (\(suppressed) more not logged)")
    }
}
