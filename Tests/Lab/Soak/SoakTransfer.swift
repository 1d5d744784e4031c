import Glibc

/// One connection of a soak: what it carries, both ways at the same time.
struct SoakTransfer: Hashable, Sendable, CustomStringConvertible {
    /// Each number is used once.
    let number: UInt32
    /// The client's index in the lab.
    let client: Int
    let family: IPFamily
    /// What the client speaks.
    let transport: PeerProtocol
    /// Bytes from the client to the server.
    let up: UInt64
    /// Bytes from the server to the client.
    let down: UInt64
    /// What both ends send by.
    let congestionControl: String

    var bytes: UInt64 { up + down }

    func stream(_ direction: Direction) -> SoakStream {
        SoakStream(number: 2 * number + (direction == .down ? 1 : 0))
    }

    func length(_ direction: Direction) -> UInt64 { direction == .down ? down : up }

    enum Direction: String, Sendable {
        case up, down
    }

    /// The number of a stream's transfer.
    static func number(of stream: SoakStream) -> UInt32 { stream.number / 2 }

    var description: String {
        "transfer \(number) (\(transport.rawValue), IP\(family.rawValue), \(up) bytes up, \(down) down)"
    }

    /// What the client sends first: which transfer this is. In the machine's own order, since both ends are this program.
    struct Request: Equatable {
        var magic: UInt64 = 0x736f_616b_2064_6174
        var number: UInt64 = 0
        var up: UInt64 = 0
        var down: UInt64 = 0

        static let size = MemoryLayout<Request>.size

        init() {}

        init(_ transfer: SoakTransfer) {
            (number, up, down) = (UInt64(transfer.number), transfer.up, transfer.down)
        }
    }
}
