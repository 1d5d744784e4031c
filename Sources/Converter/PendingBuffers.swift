/// Buffers for bytes that one side has sent and the other doesn't take yet, to be used again: a session under
/// backpressure needs one for a moment, over and over. They come in sizes of powers of two, so that a session which
/// holds little doesn't hold much memory.
struct PendingBuffers: ~Copyable {
    /// 16, 32, 64, 128 and 256 KiB.
    private var free: [[UnsafeMutableRawBufferPointer]] = (0..<5).map { _ in
        var buffers: [UnsafeMutableRawBufferPointer] = []
        buffers.reserveCapacity(Self.kept)
        return buffers
    }

    /// Buffers of each size that are kept for the next: 4 MiB in all.
    private static let kept = 8

    deinit {
        for buffers in free { for buffer in buffers { buffer.deallocate() } }
    }

    /// At least `count` bytes, at most `HalfDuplex.largestChunk`.
    mutating func take(_ count: Int) -> UnsafeMutableRawBufferPointer {
        let size = Self.sizeClass(count)
        return free[size].popLast() ?? .allocate(byteCount: HalfDuplex.smallestChunk << size, alignment: 16)
    }

    mutating func giveBack(_ buffer: UnsafeMutableRawBufferPointer) {
        let size = Self.sizeClass(buffer.count)
        if free[size].count < Self.kept { free[size].append(buffer) } else { buffer.deallocate() }
    }

    private static func sizeClass(_ count: Int) -> Int {
        let chunks = (count + HalfDuplex.smallestChunk - 1) / HalfDuplex.smallestChunk
        return Int.bitWidth - (chunks - 1).leadingZeroBitCount
    }
}
