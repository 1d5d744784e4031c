extension Load {
    static let queues = [
        Load(name: "data-queue", usesKernel: true) { try DataQueueWork(burst: 1) },
        Load(name: "data-queue-burst", usesKernel: true) { try DataQueueWork(burst: 32) },
        Load(name: "data-queue-traced", usesKernel: true) { try DataQueueWork(burst: 32, isTraced: true) },
        // What is remembered of SYNs, 16,384 of each kind, is full after the warm-up, and has been compacted.
        Load(name: "syn-policy", usesKernel: true) { try SYNQueueWork(.passPolicy) },
        Load(name: "syn-server-mptcp", warmUp: 40_000, operations: 20_000, usesKernel: true) {
            try SYNQueueWork(.passServerSpeaksMultipath)
        },
        Load(name: "syn-again", usesKernel: true) { try SYNQueueWork(.passDecidedBefore) },
        Load(
            name: "syn-join-elsewhere", allowance: .perOperation(2, "the kernel is asked for the token"),
            usesKernel: true
        ) { try SYNQueueWork(.passUnknownToken) },
        Load(
            name: "syn-split", warmUp: 40_000, operations: 20_000,
            allowance: .perOperation(1, "the tracker's connection"), usesKernel: true
        ) { try SYNQueueWork(.interceptSplit) },
        Load(
            name: "syn-converted", warmUp: 40_000, operations: 20_000,
            allowance: .perOperation(3, "the copy that is held, the answer to its dial, and the tracker's connection"),
            usesKernel: true
        ) { try SYNQueueWork(.interceptConverted) },
    ]
}
