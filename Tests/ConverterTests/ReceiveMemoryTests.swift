import Glibc
import LinuxSystem
import Testing

@testable import Converter

@Suite struct ReceiveMemoryTests {
    /// A router with 24 GiB: tcp_mem's second figure is 1.5 GiB, an eighth of it 187 MiB; tcp_rmem's third is 6 MiB.
    private let memory = ReceiveMemory(pressure: 383_866, pageSize: 4096, most: 6 << 20)

    @Test(
        arguments: [
            // Nobody else: what the way needs, and on a longer one what the kernel gives.
            (Duration.microseconds(50), 1, 512 << 10), (.milliseconds(1), 1, 2_500_000), (.milliseconds(3), 1, nil),
            (.seconds(2), 1, nil), (nil, 1, nil),
            // Many: no more than their share, down to a least.
            (.milliseconds(50), 256, 767_732), (nil, 256, 767_732), (.microseconds(50), 256, 512 << 10),
            (.milliseconds(50), 100_000, 128 << 10), (.microseconds(50), 100_000, 128 << 10),
        ] as [(Duration?, Int, Int?)])
    func limitBy(roundTrip: Duration?, ahead: Int, expected: Int?) {
        #expect(memory.limit(roundTrip: roundTrip, ahead: ahead) == expected)
    }

    /// A home router with 512 MiB has some 22 MiB before the kernel saves.
    @Test func aSmallRouterSharesLittle() {
        let small = ReceiveMemory(pressure: 5632, pageSize: 4096, most: 6 << 20)
        #expect(small.limit(roundTrip: nil, ahead: 1) == 5632 * 4096 / 8)
        #expect(small.limit(roundTrip: nil, ahead: 64) == 128 << 10)
    }

    @Test func theKernelsFiguresAreRead() throws {
        let limit = try #require(ReceiveMemory().limit(roundTrip: .zero, ahead: 1))
        #expect(limit == ReceiveMemory.enough)
    }

    /// A near server sends more than its client takes.
    @Test func aServerThatIsAheadIsHeldToItsLimit() throws {
        let rig = try RelayRig()
        let text = String(repeating: "x", count: 64 << 10)
        _ = fcntl(rig.server(), F_SETFL, O_NONBLOCK)
        for _ in 0..<5000 where !isLimited(rig.nearServer()) {
            _ = send(rig.server(), text, text.utf8.count, Int32(MSG_NOSIGNAL))
            usleep(1000)
        }
        #expect(isLimited(rig.nearServer()))
        #expect(!isLimited(rig.nearClient()), "the client has sent nothing")
    }

    /// SO_BUF_LOCK: 2 is the receive buffer's (SOCK_RCVBUF_LOCK).
    private func isLimited(_ descriptor: Int32) -> Bool {
        var locks: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, 72, &locks, &length)
        return locks & 2 != 0
    }
}
