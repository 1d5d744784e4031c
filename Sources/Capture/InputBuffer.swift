import Glibc
import SystemPackage

/// The bytes of a stream that have been read and not yet dropped, in one piece.
struct InputBuffer: ~Copyable {
    /// Fills a part of the buffer, which isn't empty; 0 bytes are the end. May block.
    typealias Source = (UnsafeMutableRawBufferPointer) -> Result<Int, Errno>

    private let source: Source
    private var storage: UnsafeMutableRawBufferPointer
    private var filled = 0..<0
    /// Where in the stream the first byte lies.
    private(set) var offset = 0

    /// As much as a pipe holds.
    private static let initialSize = 64 << 10

    init(_ source: @escaping Source) {
        self.source = source
        storage = .allocate(byteCount: Self.initialSize, alignment: 16)
    }

    deinit { storage.deallocate() }

    var count: Int { filled.count }

    var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: storage[filled]))
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// A part of `bytes`, for as long as nothing is read or dropped.
    @_lifetime(&self)
    mutating func lend(_ range: Range<Int>) -> RawSpan {
        let part = filled.lowerBound + range.lowerBound..<filled.lowerBound + range.upperBound
        let span = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: storage[part]))
        return _overrideLifetime(span, mutating: &self)
    }

    /// Reads until there are `needed` bytes, and no further; false when the stream ends before.
    mutating func fill(_ needed: Int) throws(CaptureError) -> Bool {
        while count < needed {
            makeRoom(needed)
            let room = UnsafeMutableRawBufferPointer(rebasing: storage[filled.upperBound...])
            switch source(room) {
            case .success(0): return false
            case .success(let read): filled = filled.lowerBound..<filled.upperBound + read
            case .failure(let errno): throw .unreadable(errno, offset: offset + count)
            }
        }
        return true
    }

    mutating func drop(_ dropped: Int) {
        offset += dropped
        filled = filled.lowerBound + dropped..<filled.upperBound
        if filled.isEmpty { filled = 0..<0 }
    }

    /// Doubles the buffer only when it is full of what has arrived: an announced length by itself costs nothing.
    private mutating func makeRoom(_ needed: Int) {
        guard filled.lowerBound + needed > storage.count else { return }
        let kept = UnsafeRawBufferPointer(rebasing: storage[filled])
        if filled.lowerBound > 0 {
            storage.copyMemory(from: kept)
        } else if count == storage.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(
                byteCount: min(needed, 2 * storage.count), alignment: 16)
            larger.copyMemory(from: kept)
            storage.deallocate()
            storage = larger
        }
        filled = 0..<count
    }
}

extension InputBuffer {
    /// Reads a descriptor that stays the caller's, and open while this lives.
    init(descriptor: Int32) {
        self.init { room in
            while true {
                let count = read(descriptor, room.baseAddress, room.count)
                if count >= 0 { return .success(count) }
                let code = Errno(rawValue: Glibc.errno)
                if code != .interrupted { return .failure(code) }
            }
        }
    }

    init(bytes: [UInt8]) {
        var rest = bytes[...]
        self.init { room in
            let count = min(room.count, rest.count)
            room.copyBytes(from: rest.prefix(count))
            rest = rest.dropFirst(count)
            return .success(count)
        }
    }
}
