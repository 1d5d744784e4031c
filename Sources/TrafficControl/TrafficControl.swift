// TrafficControl: shapes chosen traffic of an interface, both ways, with HTB classes (tc-htb(8)).
//
//   download   what leaves by lan0 ── HTB 7700: ──┬─ class 7700:N ── leaf      chosen by skb->priority, which iptables'
//                                                 └─ class 7700:100 ── leaf    CLASSIFY sets; no filter here
//
//   upload     what comes in by lan0 ── ingress qdisc ── u32: a steered subflow? ──no──▶ goes on
//                                                               │ mirred redirect
//                                                      IFB ── HTB 7700: ── u32 ── class 7700:N ──▶ goes on
//
// There is one IFB for all interfaces, and traffic that isn't steered doesn't visit it. A leaf is fq_codel, or a bounded
// FIFO where the kernel has none.
//
// The kernel is the state. What is ours is recognised by itself, whoever left it there: an HTB root 7700:, an IFB by its
// alias, filters by kind and pref. What is somebody else's is used (an ingress qdisc), refused (a root qdisc that isn't
// the kernel's default), or, if the operator wants that, taken over: copied to an IFB that is never up (Keeper), and put
// back from there. A copy is compared before it is relied on. Steps are in such an order that the death of the process
// at any of them leaves packets flowing and `removeAll` able to bring back what was.
//
// It knows numbers of classes, rates and 4-tuples, and not why they are chosen. Throttling calls it, from one thread;
// `removeAll` also ends a run, and begins one. Everything is synchronous: each call is some messages to the kernel.
//
// libnl makes the socket, the messages and the IFB's link object. Its objects for qdiscs, classes and filters are not
// used: they compute bursts from /proc/net/psched and rate tables, where the kernel since 3.8 wants ticks of 64 ns and
// no tables; and they can't repeat what they don't know. So that file plays no part: libnl 3.7 reads it at the first
// conversion (and ends the process if it can't make sense of it, unless TICKS_PER_USEC is set), and we ask for none.
public import Wire

/// Sluice's qdiscs, classes and filters. Belongs to the thread that made it, and to the network namespace of that.
public final class TrafficControl {
    /// Major number of the HTB qdiscs.
    public static let handle: UInt16 = 0x7700

    let socket: RouteSocket
    /// The IFB's name.
    let device: String

    // What this object has made, as far as it isn't asked of the kernel each time: whether that is still there
    // `isAttached` asks.
    var downloads: Set<UInt32> = []
    var uploads: [UInt32: [FilterTable]] = [:]
    /// The IFB's index.
    var uploadDevice: UInt32?
    /// The handle of a subflow's two filters.
    var steered: [SteeredSubflow: UInt32] = [:]
    /// Whether the kernel has fq_codel; so until it says otherwise.
    var hasFairQueueing = true

    /// `device`: the name of the IFB device that uploads are led through.
    public init(device: String) throws(TrafficControlError) {
        // What is longer the kernel, or libnl, would cut or refuse in the middle of things (IFNAMSIZ).
        guard (1...15).contains(device.utf8.count) else {
            throw TrafficControlError("an interface can't be named '\(device)'", mend: "use 15 characters at most")
        }
        self.device = device
        socket = try RouteSocket()
    }

    /// Removes everything of ours from every interface, whoever put it there, and puts back what was taken over.
    public static func removeAll() throws(TrafficControlError) { try removeEverything(RouteSocket()) }

    /// Why ours can't be put on this interface; nil if it can, or is there already. Changes nothing.
    public func obstacle(
        _ interface: ShapedInterface, _ direction: ShapingDirection, takeOver: Bool
    ) -> TrafficControlError? {
        do throws(TrafficControlError) {
            switch direction {
            case .download: try downloadObstacle(interface, takeOver: takeOver)
            case .upload: try uploadObstacle(interface)
            }
            return nil
        } catch {
            return error
        }
    }

    /// Puts ours on the interface, without a class; does nothing if it is there already. Nothing is there to be taken
    /// over for uploads.
    public func attach(
        _ interface: ShapedInterface, _ direction: ShapingDirection, takeOver: Bool
    ) throws(TrafficControlError) {
        switch direction {
        case .download: try attachDownload(interface, takeOver: takeOver)
        case .upload: try attachUpload(interface)
        }
    }

    /// Takes ours away with all its filters, and its classes: those of uploads, which all interfaces share, with the
    /// last interface. Puts back what was there before.
    public func detach(_ interface: ShapedInterface, _ direction: ShapingDirection) throws(TrafficControlError) {
        switch direction {
        case .download:
            try Self.putBack(interface, socket)
            downloads.remove(interface.index)
        case .upload:
            try detachUpload(interface)
        }
    }

    /// Has the kernel still what `attach` put there?
    public func isAttached(_ interface: ShapedInterface, _ direction: ShapingDirection) -> Bool {
        switch direction {
        case .download: isDownloadAttached(interface)
        case .upload: isUploadAttached(interface)
        }
    }

    /// Makes the class, or changes its rate without losing what waits in it. `rate` in bits per second; nil: as fast as
    /// it can.
    public func setClass(
        _ number: UInt8, _ interface: ShapedInterface, _ direction: ShapingDirection, rate: UInt64?
    ) throws(TrafficControlError) {
        try setClass(UInt16(number), on: shapingDevice(interface, direction), rate: rate ?? Shaper.unlimited)
    }

    /// Removes the class; what waits in it is lost.
    public func removeClass(
        _ number: UInt8, _ interface: ShapedInterface, _ direction: ShapingDirection
    ) throws(TrafficControlError) {
        let handle = Shaper.classHandle(UInt16(number))
        let object = TrafficObject(.class, "htb", handle: handle, parent: Shaper.handle)
        try socket.remove(object, from: shapingDevice(interface, direction))
    }

    /// Leads what comes in from the tuple's client to its server by this interface into an upload class, or
    /// into another one if it's led already. IPv4 with options and IPv6 with extension headers aren't led.
    public func steer(
        _ tuple: FourTuple, _ interface: ShapedInterface, into number: UInt8
    ) throws(TrafficControlError) {
        try addFilters(tuple, interface, into: number)
    }

    /// Ends `steer`.
    public func release(_ tuple: FourTuple, _ interface: ShapedInterface) throws(TrafficControlError) {
        try removeFilters(tuple, interface)
    }

    /// The classes that there are, by their numbers.
    public func counters(
        _ interface: ShapedInterface, _ direction: ShapingDirection
    ) throws(TrafficControlError) -> [UInt8: ClassCounters] {
        try readCounters(shapingDevice(interface, direction))
    }

    /// The device that has the HTB.
    private func shapingDevice(
        _ interface: ShapedInterface, _ direction: ShapingDirection
    ) throws(TrafficControlError) -> UInt32 {
        if direction == .download { return interface.index }
        guard let uploadDevice else { throw .detached(interface, direction) }
        return uploadDevice
    }

    private func setClass(_ minor: UInt16, on device: UInt32, rate: UInt64) throws(TrafficControlError) {
        let object = Shaper.shapingClass(minor, rate: rate)
        var isNew = true
        do throws(TrafficControlError) {
            try socket.add(object, to: device)
        } catch let error where error.errno == .fileExists {
            try socket.add(object, to: device, .replacing)
            isNew = false
        }
        do throws(TrafficControlError) {
            try addLeaf(minor, Shaper.boundedLeaf(minor, rate: rate), to: device)
        } catch {
            if isNew { try? socket.remove(object, from: device) }
            throw error
        }
    }
}
