import HandOver
import Settings
import Testing

@testable import Middlebox

/// What a successor is to order again.
@Suite struct RuntimeOrderTests {
    private static let add = RuntimeOrders.Order.add(name: "a", json: [123, 125])

    private func noted(_ orders: [RuntimeOrders.Order]) -> [RuntimeOrders.Order] {
        var noted = RuntimeOrders()
        for order in orders { noted.note(order) }
        return noted.all
    }

    @Test func whatCantMatterIsLeftOut() {
        let set = { RuntimeOrders.Order.set(name: $0, download: $1, upload: $2) }
        let rows: [([RuntimeOrders.Order], [RuntimeOrders.Order])] = [
            ([], []),
            ([Self.add, .clear(name: "a")], []),
            ([Self.add, set("a", "1mbit", nil), .clear(name: "a")], []),
            ([Self.add, .clear(name: "a"), Self.add], [Self.add]),
            ([Self.add, set("a", "1mbit", nil)], [Self.add, set("a", "1mbit", nil)]),
            ([set("f", "1mbit", nil), set("f", "2mbit", "3mbit")], [set("f", "2mbit", "3mbit")]),
            ([set("f", "1mbit", nil), set("f", nil, "3mbit")], [set("f", "1mbit", "3mbit")]),
            ([set("f", "1mbit", nil), .clear(name: "f")], [.clear(name: "f")]),
            ([.clear(name: "f"), set("g", "1mbit", nil)], [.clear(name: "f"), set("g", "1mbit", nil)]),
        ]
        for (orders, expected) in rows { #expect(noted(orders) == expected, "\(orders)") }
    }

    /// One of the file's that was cleared, and one of that name that was added then.
    @Test func aClearedOneOfTheFilesMayHaveASuccessor() {
        let orders: [RuntimeOrders.Order] = [.clear(name: "a"), Self.add]
        #expect(noted(orders) == orders)
        #expect(noted(orders + [.clear(name: "a")]) == [.clear(name: "a")])
    }

    @Test func whatChangesInTheFileCounts() throws {
        let throttle = { (rate: String) in
            try Settings.parse(
                """
                [intercept]
                interfaces = ["lan0"]
                [[throttle]]
                name = "f"
                interface = "lan0"
                download = "\(rate)"
                """, file: "test"
            ).throttles
        }
        var orders = RuntimeOrders()
        orders.note(.set(name: "f", download: "1mbit", upload: nil))
        orders.note(Self.add)
        let all = orders.all
        orders.reread(try throttle("5mbit"), try throttle("5mbit"))
        #expect(orders.all == all)
        orders.reread(try throttle("5mbit"), try throttle("6mbit"))
        #expect(orders.all == [Self.add])
    }

    @Test func ordersComeBack() throws {
        var orders = RuntimeOrders()
        for order in [
            Self.add, .set(name: "a", download: "1mbit", upload: nil), .set(name: "f", download: nil, upload: "2mbit"),
            .clear(name: "g"),
        ] {
            orders.note(order)
        }
        var writer = RecordWriter()
        orders.write(to: &writer)
        var reader = RecordReader(writer.bytes)
        #expect(try RuntimeOrders(from: &reader) == orders)
        for length in writer.bytes.indices {
            var reader = RecordReader(Array(writer.bytes[..<length]))
            #expect(throws: RecordError.self) { try RuntimeOrders(from: &reader) }
        }
    }
}
