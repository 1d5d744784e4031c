import Testing

@testable import SessionLog

/// When a file is put aside.
@Suite struct RotationTests {
    @Test(
        arguments: [
            (0, [10, 10, 10], 3), (70, [10, 10, 10], 3), (71, [10, 10, 10], 2), (90, [10, 10], 1), (95, [10], 0),
            (100, [1], 0),
            (0, [500], 1), (0, [500, 1], 1), (1, [500], 0), (0, [], 0), (0, [50, 50, 1], 2),
        ] as [(Int, [Int], Int)])
    func fitting(_ size: Int, _ lengths: [Int], _ count: Int) {
        #expect(Rotation(limit: 100).fitting(lengths, into: size) == count)
    }
}
