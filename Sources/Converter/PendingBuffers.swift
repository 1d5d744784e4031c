import LinuxSystem

/// Buffers for bytes that one side has sent and the other doesn't take yet, to be used again: a session under
/// backpressure needs one for a moment, over and over. They come in sizes of powers of two, so that a session which
/// holds little doesn't hold much memory.
struct PendingBuffers: ~Copyable {
    /// Where they are, if a crash is to be outlived; else, and where all places are taken, they are the process's own.
    private let register: SessionRegister.Worker?
    /// Places of the register's that have never been used begin here; the first one is for what is being moved.
    private var nextPlace = 1
    private var freePlaces: [Int] = []

    init(_ register: SessionRegister.Worker? = nil) { self.register = register }

    /// 16, 32, 64, 128 and 256 KiB.
    private var free: [[UnsafeMutableRawBufferPointer]] = (0..<5).map { _ in
        var buffers: [UnsafeMutableRawBufferPointer] = []
        buffers.reserveCapacity(Self.kept)
        return buffers
    }

    /// Buffers of each size that are kept for the next: 4 MiB in all.
    private static let kept = 8

    deinit {
        guard register == nil else { return }
        for buffers in free { for buffer in buffers { buffer.deallocate() } }
    }

    /// At least `count` bytes, at most `HalfDuplex.largestChunk`.
    mutating func take(_ count: Int) -> UnsafeMutableRawBufferPointer {
        let size = Self.sizeClass(count)
        return free[size].popLast() ?? allocate(HalfDuplex.smallestChunk << size)
    }

    mutating func giveBack(_ buffer: UnsafeMutableRawBufferPointer) {
        let size = Self.sizeClass(buffer.count)
        if free[size].count < Self.kept { free[size].append(buffer) } else { deallocate(buffer) }
    }

    private mutating func allocate(_ size: Int) -> UnsafeMutableRawBufferPointer {
        guard let register, let place = takePlace(register) else {
            return .allocate(byteCount: size, alignment: 16)
        }
        return UnsafeMutableRawBufferPointer(rebasing: register.place(place)[..<size])
    }

    private mutating func takePlace(_ register: SessionRegister.Worker) -> Int? {
        if let place = freePlaces.popLast() { return place }
        guard nextPlace < register.placeCount else { return nil }
        nextPlace += 1
        return nextPlace - 1
    }

    private mutating func deallocate(_ buffer: UnsafeMutableRawBufferPointer) {
        guard let register, let place = register.index(of: buffer) else { return buffer.deallocate() }
        register.release(place)
        freePlaces.append(place)
    }

    private static func sizeClass(_ count: Int) -> Int {
        let chunks = (count + HalfDuplex.smallestChunk - 1) / HalfDuplex.smallestChunk
        return Int.bitWidth - (chunks - 1).leadingZeroBitCount
    }
}
