import Glibc

/// An endless stream of bytes that a seed determines: any part of it can be made or verified by itself, at memory
/// speed even in a debug build.
///
/// Each block of 64 KiB is a slice of one fixed table of random bytes; where the slice begins depends on the seed and
/// the block's number. So a byte that is lost, doubled, moved or changed does not compare equal.
public struct Payload: Hashable, Sendable {
    public let seed: UInt32

    public init(seed: UInt32) { self.seed = seed }

    static let blockSize = 64 << 10

    /// The bytes from `offset` on, up to the end of their block and at most `limit`.
    public func bytes(at offset: UInt64, limit: Int) -> UnsafeRawBufferPointer {
        let block = offset / UInt64(Self.blockSize)
        let inside = Int(offset % UInt64(Self.blockSize))
        let start = Int(splitmix64(UInt64(seed) << 32 ^ block) % UInt64(RandomTable.span)) + inside
        return UnsafeRawBufferPointer(
            rebasing: RandomTable.shared.bytes[start..<start + min(limit, Self.blockSize - inside)])
    }

    /// Where `received`, which began at `offset` of the stream, differs first, counted from the stream's start; nil
    /// when every byte is right.
    public func firstMismatch(in received: UnsafeRawBufferPointer, at offset: UInt64) -> UInt64? {
        var done = 0
        while done < received.count {
            let expected = bytes(at: offset + UInt64(done), limit: received.count - done)
            let actual = received[done..<done + expected.count]
            if memcmp(actual.base.baseAddress! + done, expected.baseAddress!, expected.count) != 0 {
                let index = zip(actual, expected).enumerated().first { $0.element.0 != $0.element.1 }!.offset
                return offset + UInt64(done + index)
            }
            done += expected.count
        }
        return nil
    }
}

/// Random bytes that are made once and live as long as the process.
private final class RandomTable: @unchecked Sendable {
    /// A slice may begin at any byte below this.
    static let span = 1 << 20
    static let shared = RandomTable()

    let bytes: UnsafeRawBufferPointer

    private init() {
        let words = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: (Self.span + Payload.blockSize) / 8)
        for index in words.indices { words[index] = splitmix64(UInt64(index)).littleEndian }
        bytes = UnsafeRawBufferPointer(words)
    }
}

/// The index'th output of the generator SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), which can be had in any order.
private func splitmix64(_ index: UInt64) -> UInt64 {
    var z = (index &+ 1) &* 0x9e37_79b9_7f4a_7c15
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
}
