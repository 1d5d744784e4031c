import LinuxSystem

/// Something that is done for each packet, or each read, over and over.
struct Load: Sendable {
    /// What an operation may ask of the allocator.
    enum Allowance: Sendable {
        case nothing
        /// On average, and for what; for things that come with a connection, not with a packet.
        case perOperation(Double, String)

        var isNothing: Bool { if case .nothing = self { true } else { false } }
    }

    let name: String
    /// Operations before those that count: tables and buffers reach the size that they keep.
    var warmUp = 2000
    var operations = 20_000
    var allowance = Allowance.nothing
    /// Does it need the kernel's queues or sockets, and so a namespace of its own?
    var usesKernel = false
    let prepare: @Sendable () throws -> any Work

    /// Hands over the work, made ready, and stops it afterwards.
    func withWork(_ body: @escaping @Sendable (any Work) throws -> Void) throws {
        let run: @Sendable () throws -> Void = { [self] in
            let work = try prepare()
            defer { work.stop() }
            try body(work)
        }
        if usesKernel { try NetworkNamespace.runInNew(run) } else { try run() }
    }
}

protocol Work {
    /// The thread whose allocations count; nil: the one that calls `run`.
    var thread: String? { get }
    /// Does so many operations; returns when all are done.
    func run(_ count: Int) throws
    func stop()
}

extension Work {
    var thread: String? { nil }
    func stop() {}
}

extension Load {
    static let all = parsing + tracking + queues + relaying
}
