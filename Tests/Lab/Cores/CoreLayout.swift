import Wire

/// A box of many processors, one for each of the daemon's `path` threads.
public struct CoreLayout: Sendable, Hashable {
    public let cores: Int
    /// `[relay] workers`, on the first of them, and `[advanced] data_queues`, likewise.
    public let workers: Int
    public let queues: Int
    public let selection: QueueSelection
    /// Pairs of a client's and a server's address, all of which open connections alike.
    public let pairs: Int

    /// The thread that decides about a SYN.
    func desk(of tuple: FourTuple) -> Int {
        selection == .port ? PortSpread(count: queues).place(ofClientPort: tuple.client.port) : 0
    }

    /// The thread that has the connection.
    func worker(of tuple: FourTuple, secret: UInt32) -> Int {
        PortSpread(count: queues).thread(
            ofClientPort: tuple.client.port, hash: UInt(QueueSelection.ofTuple(tuple, secret)), among: workers)
    }

    /// As the settings are unless said: a worker for each processor; but as many queues, up to the 16 that there can be.
    public init(
        cores: Int, workers: Int? = nil, queues: Int? = nil, selection: QueueSelection = .port, pairs: Int = 10_000
    ) {
        self.cores = cores
        self.workers = workers ?? cores
        self.queues = queues ?? min(cores, 16)
        self.selection = selection
        self.pairs = pairs
    }
}
