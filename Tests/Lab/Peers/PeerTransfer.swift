// The parts of a conversation that client and server share.

extension PeerSocket {
    /// Sends the payload's bytes from `start` to `end`.
    func send(_ payload: Payload, from start: UInt64 = 0, to end: UInt64) throws(PeerError) {
        var offset = start
        while offset < end {
            let bytes = payload.bytes(at: offset, limit: Int(clamping: end - offset))
            try send(bytes)
            offset += UInt64(bytes.count)
        }
    }

    /// Receives and verifies the payload's bytes from `start` to `end`, and not one more.
    func receive(
        _ payload: Payload, from start: UInt64 = 0, to end: UInt64, with buffer: UnsafeMutableRawBufferPointer
    ) throws(PeerError) {
        var offset = start
        while offset < end {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(UInt64(buffer.count), end - offset))])
            let count = try receive(room)
            if count == 0 { throw .cutShort }
            guard payload.firstMismatch(in: UnsafeRawBufferPointer(rebasing: room[..<count]), at: offset) == nil else {
                throw .corrupted
            }
            offset += UInt64(count)
        }
    }

    /// Receives as many bytes, right or wrong, and tells whether all are right.
    func isPayload(
        _ payload: Payload, from start: UInt64, to end: UInt64, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(PeerError) -> Bool {
        var offset = start
        var isIntact = true
        while offset < end {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(UInt64(buffer.count), end - offset))])
            let count = try receive(room)
            if count == 0 { throw .cutShort }
            let received = UnsafeRawBufferPointer(rebasing: room[..<count])
            if payload.firstMismatch(in: received, at: offset) != nil { isIntact = false }
            offset += UInt64(count)
        }
        return isIntact
    }

    /// Waits for the end of the stream, which must come now.
    func receiveEnd(with buffer: UnsafeMutableRawBufferPointer) throws(PeerError) {
        if try receive(buffer) != 0 { throw .surplus }
    }
}

/// 256 KiB to receive into: the best size for MPTCP on current kernels.
func withReceiveBuffer<Value>(_ body: (UnsafeMutableRawBufferPointer) throws(PeerError) -> Value) throws(PeerError)
    -> Value
{
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
    defer { buffer.deallocate() }
    return try body(buffer)
}
