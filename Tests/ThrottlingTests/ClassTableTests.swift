import Steering
import Testing
import Wire

@testable import Throttling

@Suite struct ClassTableTests {
    private let rates = ThrottleRule.Rates(download: 1000, upload: nil)
    private let tuple = FourTuple(client: Endpoint("10.1.0.2:40000")!, server: Endpoint("10.9.0.2:80")!)
    private let neighbour = FourTuple(client: Endpoint("10.1.0.2:40001")!, server: Endpoint("10.9.0.3:80")!)
    private let stranger = FourTuple(client: Endpoint("10.1.0.3:40000")!, server: Endpoint("10.9.0.2:80")!)

    private func key(_ number: Int) -> ClassKey { ClassKey("rule \(number)", "lan0") }

    private func expect(
        _ table: inout ClassTable, adds key: ClassKey, as number: UInt8?, at location: SourceLocation = #_sourceLocation
    ) {
        let made = table.add(key, rates)
        #expect(made == number, sourceLocation: location)
    }

    private func fullTable() -> ClassTable {
        var table = ClassTable()
        for number in UInt8(1)...255 { expect(&table, adds: key(Int(number)), as: number) }
        return table
    }

    @Test func whoSharesAClass() {
        let all = [tuple, neighbour, stranger].map { ClassKey("a", "lan0", .all, $0) }
        #expect(all[0] == all[1] && all[0] == all[2] && all[0] == ClassKey("a", "lan0") && all[0].isShared)
        let clients = [tuple, neighbour, stranger].map { ClassKey("a", "lan0", .client, $0) }
        #expect(clients[0] == clients[1] && clients[0] != clients[2] && !clients[0].isShared)
        let subflows = [tuple, neighbour, stranger].map { ClassKey("a", "lan0", .subflow, $0) }
        #expect(Set(subflows).count == 3 && !subflows[0].isShared)
        #expect(ClassKey("a", "lan0") != ClassKey("b", "lan0") && ClassKey("a", "lan0") != ClassKey("a", "lan1"))
    }

    @Test func aClassIsFoundByItsKey() throws {
        var table = ClassTable()
        #expect(table.number(of: key(1)) == nil)
        let made = table.add(key(1), rates)
        let number = try #require(made)
        #expect(table.number(of: key(1)) == number && table.number(of: key(2)) == nil)
        #expect(table[number].key == key(1) && table[number].rates == rates)
        #expect(table[number].members.isEmpty && table[number].places.isEmpty && table[number].retiredAt == nil)
        table[number].members.insert(tuple)
        #expect(table.entries[number]?.members == [tuple])
    }

    /// 0 is no class.
    @Test func thereAre255() {
        var table = fullTable()
        expect(&table, adds: key(256), as: nil)
        #expect(table.number(of: key(256)) == nil && table.entries.count == 255)
        table.remove(77)
        expect(&table, adds: key(256), as: 77)
        expect(&table, adds: key(257), as: nil)
    }

    /// Late packets may still bear the others.
    @Test func theNumberThatHasBeenFreeForLongestIsUsedFirst() {
        var table = ClassTable()
        for number in 1...3 { _ = table.add(key(number), rates) }
        table.remove(2)
        table.remove(1)
        let next = (4...257).map { table.add(key($0), rates) }
        #expect(next == (UInt8(4)...255).map { $0 } + [2, 1])
    }

    @Test func nobodyJoinsARetiredClass() {
        var table = fullTable()
        table[5].members.insert(tuple)
        table.retire(5, at: 123)
        #expect(table.number(of: key(5)) == nil)
        #expect(table[5].retiredAt == 123 && table[5].members == [tuple] && table[5].key == key(5))
        // Its number is taken all the same.
        expect(&table, adds: key(5), as: nil)
    }

    @Test func aRetiredClassLeavesItsSuccessorAlone() {
        var table = ClassTable()
        expect(&table, adds: key(1), as: 1)
        table.retire(1, at: 123)
        expect(&table, adds: key(1), as: 2)
        #expect(table.number(of: key(1)) == 2)
        table.remove(1)
        #expect(table.number(of: key(1)) == 2 && table.entries.keys.sorted() == [2])
    }

    @Test func whatIsRemovedIsGoneOnce() {
        var table = fullTable()
        table.remove(9)
        table.remove(9)
        #expect(table.number(of: key(9)) == nil && table.entries[9] == nil)
        expect(&table, adds: key(256), as: 9)
        expect(&table, adds: key(257), as: nil)
    }
}
