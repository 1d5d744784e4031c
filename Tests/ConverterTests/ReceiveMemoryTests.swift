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
}
