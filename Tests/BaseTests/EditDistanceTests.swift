import Testing

@testable import Base

@Suite struct EditDistanceTests {
    @Test(arguments: [
        ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("ports", "ports", 0), ("prots", "ports", 1),
        ("interface", "interfaces", 1), ("kitten", "sitting", 3), ("ab", "ba", 1), ("idle-timeout", "idle_timeout", 1),
    ])
    func distances(left: String, right: String, distance: Int) {
        #expect(editDistance(left, right) == distance)
        #expect(editDistance(right, left) == distance)
    }

    @Test func onlyTheNearIsNearest() {
        let known = ["workers", "tun", "max_held", "max_held_per_client"]
        #expect(nearest(to: "worker", among: known) == "workers")
        #expect(nearest(to: "maxheld", among: known) == "max_held")
        #expect(nearest(to: "tum", among: known) == "tun")
        #expect(nearest(to: "xyz", among: known) == nil)
        #expect(nearest(to: "threads", among: known) == nil)
        #expect(nearest(to: "a", among: []) == nil)
    }
}
