import Testing
import Wire

@testable import Middlebox

/// Which connections the page shows.
@Suite struct BusiestTests {
    private func tuple(_ port: UInt16) -> FourTuple {
        FourTuple(client: Endpoint("10.1.0.2:\(port)")!, server: Endpoint("10.9.0.2:80")!)
    }

    private func chosen(_ busiest: Busiest, _ bytes: [UInt16: UInt64], limit: Int = 2) async -> [UInt16] {
        let candidates = bytes.map {
            Busiest.Candidate(tuple: tuple($0.key), bytesToClient: $0.value, bytesToServer: 0)
        }
        return await busiest.choose(candidates, limit: limit).map(\.client.port).sorted()
    }

    @Test func whatMovesComesFirst() async {
        let busiest = Busiest()
        #expect(await chosen(busiest, [1: 100, 2: 50, 3: 10]) == [1, 2], "all that has been moved counts at first")
        #expect(await chosen(busiest, [1: 100, 2: 51, 3: 20]) == [2, 3])
        #expect(await chosen(busiest, [1: 100, 2: 51, 3: 20]) == [1, 2], "nothing moves")
        #expect(await chosen(busiest, [1: 100, 2: 51, 3: 20, 4: 30]) == [1, 4], "a new one has moved all that it has")
        #expect(
            await chosen(busiest, [1: 5, 2: 51, 3: 21, 4: 30]) == [2, 3], "a count that falls is another connection's")
        #expect(await chosen(busiest, [1: 5, 2: 51], limit: 2) == [1, 2])
        #expect(await chosen(busiest, [:]) == [])
    }
}
