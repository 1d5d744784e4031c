import Glibc
import LinuxSystem

/// One end of a transfer, on a socket that doesn't block. It belongs to a loop's thread.
///
///     connecting ──▶ request ──▶ data both ways ──▶ our end sent, the other's seen ──▶ over
///
/// The client sends the request, the server waits for it; then each sends its stream, verifies the other's, and ends its
/// own as soon as all of it has been sent.
final class SoakConnection {
    enum Progress {
        case open
        /// Both streams have ended as they should.
        case over
        case failed(SoakFault.Kind, String)
    }

    /// What the connections of a thread share.
    final class Buffers {
        /// Reads and writes of this size go through MPTCP best on current kernels.
        static let size = 256 << 10
        let received = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
        let window = SoakWindow(size: size)

        deinit { received.deallocate() }
    }

    private let socket: StreamSocket
    let side: SoakLedger.Side
    /// A server's is known once its request has come.
    private(set) var transfer: SoakTransfer?
    private(set) var lastProgress = MonotonicTime.now
    private var isConnected: Bool
    private var request: SoakTransfer.Request
    private var requestBytes = 0
    private var sent: UInt64 = 0
    private var received: UInt64 = 0
    private var hasEndedOurs = false
    private var hasSeenTheirs = false
    private var isDamaged = false
    private let ledger: SoakLedger
    private let buffers: Buffers
    /// What the event loop watches for now; empty: nothing yet.
    var interest: EventLoop.Events = []

    /// A client's, with `connect` under way.
    init(
        connecting socket: consuming StreamSocket, _ transfer: SoakTransfer, _ ledger: SoakLedger, _ buffers: Buffers
    ) {
        self.socket = socket
        self.transfer = transfer
        self.ledger = ledger
        self.buffers = buffers
        side = .client
        isConnected = false
        request = SoakTransfer.Request(transfer)
    }

    /// A server's, just accepted.
    init(accepted socket: consuming StreamSocket, _ ledger: SoakLedger, _ buffers: Buffers) {
        self.socket = socket
        self.ledger = ledger
        self.buffers = buffers
        side = .server
        isConnected = true
        request = SoakTransfer.Request()
    }

    var rawValue: Int32 { socket.rawValue }

    var wanted: EventLoop.Events {
        guard isConnected else { return .writable }
        var events: EventLoop.Events = []
        if !hasSeenTheirs { events.insert(.readable) }
        if transfer != nil, !hasEndedOurs { events.insert(.writable) }
        return events
    }

    /// Where both streams are, for whoever wonders why it goes on no more.
    var state: String {
        guard isConnected else { return "connecting" }
        return "\(sent) bytes sent\(hasEndedOurs ? " and the end" : ""), "
            + "\(received) received\(hasSeenTheirs ? " and the end" : ""), \(socket.unacknowledged) not acknowledged"
    }

    /// Has the other side everything, but for an end that isn't acknowledged for itself?
    var isAcknowledged: Bool { socket.unacknowledged <= 1 }

    /// Makes the close a reset.
    func resetOnClose() { try? socket.setResetOnClose(true) }

    private var outgoing: SoakTransfer.Direction { side == .client ? .up : .down }
    private var incoming: SoakTransfer.Direction { side == .client ? .down : .up }

    /// Does what can be done without waiting, but not more than a few buffers of it.
    func advance(_ events: EventLoop.Events) -> Progress {
        if !isConnected {
            if let error = socket.pendingError() { return .failed(.failed, "connect: \(error)") }
            guard !events.isDisjoint(with: [.writable, .hangup, .error]) else { return .open }
            isConnected = true
            lastProgress = .now
        }
        if !events.isDisjoint(with: [.readable, .hangup, .error]), !hasSeenTheirs {
            if case .failed(let kind, let details) = receive() { return .failed(kind, details) }
        }
        if let transfer, !hasEndedOurs {
            if case .failed(let kind, let details) = send(transfer) { return .failed(kind, details) }
        }
        return hasEndedOurs && hasSeenTheirs ? .over : .open
    }

    private static let turn = 4

    // MARK: - Receiving

    private func receive() -> Progress {
        for _ in 0..<Self.turn {
            guard transfer != nil else {
                if let outcome = receiveRequest() { return outcome }
                continue
            }
            let room = buffers.received
            switch systemCallResult({ recv(rawValue, room.baseAddress, room.count, 0) }) {
            case .success(0): return seeEnd()
            case .success(let count):
                lastProgress = .now
                if let fault = verify(UnsafeRawBufferPointer(rebasing: room[..<count])) { return fault }
            case .failure(.wouldBlock): return .open
            case .failure(let error): return .failed(.failed, "receive: \(error); \(state)")
            }
        }
        return .open
    }

    /// nil when the request is complete.
    private func receiveRequest() -> Progress? {
        let size = SoakTransfer.Request.size
        let outcome = withUnsafeMutableBytes(of: &request) { bytes in
            systemCallResult { recv(rawValue, bytes.baseAddress! + requestBytes, size - requestBytes, 0) }
        }
        switch outcome {
        case .success(0): return .failed(.request, "the stream ended after \(requestBytes) bytes of its request")
        case .success(let count): requestBytes += count
        case .failure(.wouldBlock): return .open
        case .failure(let error): return .failed(.failed, "receive a request: \(error)")
        }
        guard requestBytes == size else { return .open }
        lastProgress = .now
        guard let transfer = ledger.transfer(request) else {
            return .failed(
                ledger.wasIssued(request.number) ? .failed : .request,
                "a request for \(request.number), \(request.up) bytes up, \(request.down) down, which there is not")
        }
        self.transfer = transfer
        try? socket.setCongestionControl(transfer.congestionControl)
        return nil
    }

    private func verify(_ bytes: UnsafeRawBufferPointer) -> Progress? {
        guard let transfer else { return nil }
        let length = transfer.length(incoming)
        let count = Int(min(UInt64(bytes.count), length - received))
        let stream = transfer.stream(incoming)
        let expected = buffers.window.bytes(of: stream, at: received, count: count)
        if count > 0, memcmp(bytes.baseAddress!, expected.baseAddress!, count) != 0 {
            note(UnsafeRawBufferPointer(rebasing: bytes[..<count]), stream, transfer)
        }
        received += UInt64(count)
        ledger.verified(count, incoming)
        guard count == bytes.count else {
            let surplus = SoakFault.Damage.hexadecimal(bytes[count...].prefix(64))
            return .failed(.surplus, "\(bytes.count - count) bytes or more came behind the last: \(surplus); \(state)")
        }
        return nil
    }

    /// The first piece of a transfer that is wrong is described; the rest is as wrong as that, or isn't.
    private func note(_ bytes: UnsafeRawBufferPointer, _ stream: SoakStream, _ transfer: SoakTransfer) {
        guard !isDamaged else { return }
        isDamaged = true
        let damage = SoakFault.Damage(bytes, stream, at: received, isKnown: ledger.isKnown)
        ledger.damaged(
            transfer, SoakFault(.wrongBytes, transfer, "at the \(side), in the stream \(incoming)", damage: damage))
    }

    private func seeEnd() -> Progress {
        lastProgress = .now
        guard let transfer, received == transfer.length(incoming) else {
            return .failed(.cutShort, "the stream ended too early; \(state)")
        }
        hasSeenTheirs = true
        return .open
    }

    // MARK: - Sending

    private func send(_ transfer: SoakTransfer) -> Progress {
        if side == .client, requestBytes < SoakTransfer.Request.size {
            let outcome = withUnsafeBytes(of: request) { bytes in
                write(UnsafeRawBufferPointer(rebasing: bytes[requestBytes...]))
            }
            switch outcome {
            case .success(let count):
                requestBytes += count
                guard requestBytes == SoakTransfer.Request.size else { return .open }
            case .failure(let failure): return failure.progress
            }
        }
        let length = transfer.length(outgoing)
        let stream = transfer.stream(outgoing)
        for _ in 0..<Self.turn where sent < length {
            let count = Int(min(UInt64(Buffers.size), length - sent))
            switch write(buffers.window.bytes(of: stream, at: sent, count: count)) {
            case .success(let written):
                sent += UInt64(written)
                if written < count { return .open }
            case .failure(let failure): return failure.progress
            }
        }
        if sent == length {
            shutdown(rawValue, Int32(SHUT_WR))
            hasEndedOurs = true
        }
        return .open
    }

    private struct NotSent: Error {
        let progress: Progress
    }

    private func write(_ bytes: UnsafeRawBufferPointer) -> Result<Int, NotSent> {
        switch systemCallResult({ Glibc.send(rawValue, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }) {
        case .success(let count):
            lastProgress = .now
            return .success(count)
        case .failure(.wouldBlock): return .failure(NotSent(progress: .open))
        case .failure(let error): return .failure(NotSent(progress: .failed(.failed, "send: \(error); \(state)")))
        }
    }
}
