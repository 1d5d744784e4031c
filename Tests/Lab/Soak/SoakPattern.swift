import Glibc

// What a soak's transfers carry, and how a byte that isn't as sent is found and located.
//
// Each stream, one direction of one transfer, is cut into units of 64 bytes. A unit begins with a tag, eight bytes that
// say whose it is and which, scrambled by a bijection so that each of them depends on both. The other 56 bytes come from
// a fixed table of random bytes; which part of it depends on the stream and on the block of 64 KiB that the unit is in.
// So to make or to verify a byte costs a share of memcpy(3), of memcmp(3) and of one multiplication for 64 bytes; what is
// lost, doubled, moved, changed or another stream's doesn't compare equal; and 71 bytes in a row, wherever they come
// from, tell where they belong.

/// One direction of one transfer of a soak.
struct SoakStream: Hashable, Sendable {
    /// Less than 2^24.
    let number: UInt32

    static let limit: UInt32 = 1 << 24
}

enum SoakPattern {
    static let unit = 64
    private static let block: UInt64 = 64 << 10
    /// Bits of a tag that hold the unit's number; the stream's are above.
    private static let indexBits: UInt64 = 40

    /// Fills `target`, a whole number of units, with the stream's from the one at `offset` on, which is a multiple of 64.
    static func fill(_ target: UnsafeMutableRawBufferPointer, _ stream: SoakStream, at offset: UInt64) {
        guard let base = target.baseAddress else { return }
        let table = SoakTable.shared.bytes
        var done = 0
        while done < target.count {
            let position = offset + UInt64(done)
            let inside = Int(position % block)
            let count = min(target.count - done, Int(block) - inside)
            let slice = SoakRandom.mix(UInt64(stream.number) << indexBits ^ position / block) % SoakTable.span
            memcpy(base + done, table + Int(slice) + inside, count)
            done += count
        }
        var tag = base.assumingMemoryBound(to: UInt64.self)
        var name = UInt64(stream.number) << indexBits | offset / UInt64(unit)
        let end = name + UInt64(target.count / unit)
        while name < end {
            tag.pointee = SoakRandom.mix(name)
            tag += unit / 8
            name += 1
        }
    }

    /// A place in a stream.
    struct Place: Hashable, Sendable {
        let stream: SoakStream
        let offset: UInt64
    }

    /// Where bytes belong.
    struct Origin: Hashable, Sendable {
        /// Where the first of them that matches belongs.
        let place: Place
        /// Those that match, within the bytes that were asked about.
        let matching: Range<Int>
    }

    /// Where the longest run within `bytes` that is some stream's belongs; nil when there is none, or none long enough to
    /// have a tag. `isKnown` says whether a place exists.
    static func origin(of bytes: [UInt8], isKnown: (Place) -> Bool) -> Origin? {
        var best: Origin?
        var index = 0
        while index + 8 <= bytes.count {
            if let found = origin(of: bytes, tagAt: index, isKnown), found.matching.count > best?.matching.count ?? 0 {
                best = found
                index = max(index, found.matching.upperBound - 8)
            }
            index += 1
        }
        return best
    }

    private static func origin(of bytes: [UInt8], tagAt index: Int, _ isKnown: (Place) -> Bool) -> Origin? {
        let name = SoakRandom.unmix(bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index, as: UInt64.self) })
        let stream = SoakStream(number: UInt32(name >> indexBits))
        let offset = (name & (1 << indexBits - 1)) * UInt64(unit)
        guard isKnown(Place(stream: stream, offset: offset)) else { return nil }
        // Units, so that the one with the tag begins at `index`, as many as there may be before and behind it.
        let before = min((index + unit - 1) / unit, Int(clamping: offset / UInt64(unit)))
        let start = index - before * unit
        let expected = SoakWindow.array(stream, at: offset - UInt64(before * unit), count: bytes.count - start)
        var matching = index..<index
        while matching.upperBound < bytes.count, bytes[matching.upperBound] == expected[matching.upperBound - start] {
            matching = matching.lowerBound..<matching.upperBound + 1
        }
        while matching.lowerBound > max(0, start),
            bytes[matching.lowerBound - 1] == expected[matching.lowerBound - 1 - start]
        {
            matching = matching.lowerBound - 1..<matching.upperBound
        }
        guard matching.count >= 16 else { return nil }
        let first = UInt64(Int(clamping: offset) + matching.lowerBound - index)
        return Origin(place: Place(stream: stream, offset: first), matching: matching)
    }
}

/// Random bytes that are made once and live as long as the process.
private final class SoakTable: @unchecked Sendable {
    /// A slice may begin at any byte below this.
    static let span: UInt64 = 1 << 20
    static let shared = SoakTable()

    let bytes: UnsafeRawPointer

    private init() {
        let words = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: Int(Self.span + 64 << 10) / 8)
        var random = SoakRandom(seed: 0, purpose: 0)
        for index in words.indices { words[index] = random.next() }
        bytes = UnsafeRawPointer(words.baseAddress!)
    }
}

/// Room in which a part of a stream is made, again and again. Not for several threads at a time.
final class SoakWindow {
    private let room: UnsafeMutableRawBufferPointer

    /// `size`: the most bytes that `bytes` may be asked for.
    init(size: Int) { room = .allocate(byteCount: size + 2 * SoakPattern.unit, alignment: 64) }

    deinit { room.deallocate() }

    /// The stream's bytes from any offset on, until the next call.
    func bytes(of stream: SoakStream, at offset: UInt64, count: Int) -> UnsafeRawBufferPointer {
        let lead = Int(offset % UInt64(SoakPattern.unit))
        let whole = (lead + count + SoakPattern.unit - 1) / SoakPattern.unit * SoakPattern.unit
        precondition(whole <= room.count, "a window has been asked for more than it has room for")
        SoakPattern.fill(UnsafeMutableRawBufferPointer(rebasing: room[..<whole]), stream, at: offset - UInt64(lead))
        return UnsafeRawBufferPointer(rebasing: room[lead..<lead + count])
    }

    /// For the rare cases.
    static func array(_ stream: SoakStream, at offset: UInt64, count: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        let window = SoakWindow(size: count)
        return withExtendedLifetime(window) { Array(window.bytes(of: stream, at: offset, count: count)) }
    }
}
