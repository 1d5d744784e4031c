import Testing

@testable import Settings

/// Which ports are whose: the same at all boxes.
@Suite struct PortSlicesTests {
    @Test func slicesAreDisjointAndTheSameForAll() {
        let ids = ["box-10", "box-2", "a", "Z"]
        let slices = ids.indices.map { PortSlices(4096...32767, boxes: Array(ids[$0...] + ids[..<$0])) }
        #expect(Set(slices).count == 1 && slices[0].size == 7168)
        let own = ids.map { slices[0][$0]! }.sorted { $0.lowerBound < $1.lowerBound }
        #expect(own.first?.lowerBound == 4096 && own.last?.upperBound == 32767)
        for (one, next) in zip(own, own.dropFirst()) { #expect(one.upperBound + 1 == next.lowerBound) }
        #expect(slices[0]["Z"] == 4096...11263 && slices[0]["b"] == nil)
    }

    @Test func whatCannotBePartedIsTheLastOnes() {
        let slices = PortSlices(1000...1009, boxes: ["c", "a", "b"])
        #expect(slices["a"] == 1000...1002 && slices["b"] == 1003...1005 && slices["c"] == 1006...1009)
        #expect(PortSlices(7...8, boxes: ["c", "a", "b"])["a"] == nil)
        #expect(PortSlices(1...65535, boxes: ["a"])["a"] == 1...65535)
    }

    @Test func aBoxHasItsSlice() {
        var settings = Settings(intercept: .init(interfaces: ["lan0"]))
        #expect(settings.slices == nil && settings.ownUpstreamPorts == 4096...32767)
        settings.cluster.id = "b"
        #expect(settings.ownUpstreamPorts == 4096...32767)
        settings.peers = [.init(id: "a", addresses: []), .init(id: "c", addresses: [])]
        #expect(settings.ownUpstreamPorts == settings.slices?["b"])
        #expect(settings.slices?["a"] == 4096...13652)
    }
}
