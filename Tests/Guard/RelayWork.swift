import Glibc
import LinuxSystem
import SystemPackage

/// Bytes through a converted connection: an operation is a message there and one back, so that nothing has to wait, or so
/// many bytes one way, whose receiver reads only when the sender can't send any more.
final class RelayWork: Work {
    enum Kind {
        case messages(bytes: Int)
        case backpressure(bytes: Int, fromClient: Bool)
    }

    let thread: String? = ConvertedSession.thread

    private let kind: Kind
    private let session: ConvertedSession
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)

    init(_ kind: Kind) throws {
        self.kind = kind
        session = try ConvertedSession()
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { buffer.deallocate() }

    func run(_ count: Int) throws {
        let (client, server) = (session.client, session.server)
        for _ in 0..<count {
            switch kind {
            case .messages(let bytes):
                try pass(bytes, from: client, to: server)
                try pass(bytes, from: server, to: client)
            case .backpressure(let bytes, true): try press(bytes, from: client, to: server)
            case .backpressure(let bytes, false): try press(bytes, from: server, to: client)
            }
        }
    }

    private func pass(_ bytes: Int, from sender: Int32, to receiver: Int32) throws {
        var (sent, received) = (0, 0)
        while received < bytes {
            sent += try send(sender, bytes - sent)
            received += try receive(receiver, bytes)
            if received < bytes { try ConvertedSession.await(receiver) }
        }
    }

    private func press(_ bytes: Int, from sender: Int32, to receiver: Int32) throws {
        var (sent, received) = (0, 0)
        while received < bytes {
            let accepted = try send(sender, bytes - sent)
            sent += accepted
            guard accepted == 0 else { continue }
            let got = try receive(receiver, 16 << 10)
            received += got
            if got == 0 { try ConvertedSession.await(receiver) }
        }
    }

    /// 0 when nothing can be sent now, or nothing is left.
    private func send(_ descriptor: Int32, _ bytes: Int) throws -> Int {
        guard bytes > 0 else { return 0 }
        return try moved(
            systemCallResult {
                Glibc.send(descriptor, buffer.baseAddress, min(bytes, buffer.count), Int32(MSG_NOSIGNAL))
            })
    }

    private func receive(_ descriptor: Int32, _ bytes: Int) throws -> Int {
        try moved(systemCallResult { recv(descriptor, buffer.baseAddress, min(bytes, buffer.count), 0) })
    }

    private func moved(_ result: Result<Int, Errno>) throws -> Int {
        switch result {
        case .success(let count): count
        case .failure(.wouldBlock): 0
        case .failure(let error): throw SystemError("move bytes through the relay", error)
        }
    }

    func stop() { session.stop() }
}
