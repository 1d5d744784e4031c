import PacketForge
import Steering
import Testing
import Wire

/// Random rules and subflows from so few values that they often meet, against a plain evaluation.
@Suite struct ThrottlePropertyTests {
    @Test(arguments: 0..<4 as Range<UInt64>)
    func agreesWithAPlainEvaluation(seed: UInt64) {
        var generator = SplitMix64(seed: 0x7407 + seed)
        var (applied, waiting) = (0, 0)
        for _ in 0..<3000 {
            let rules = (0..<Int.random(in: 0...6, using: &generator)).map { _ in generator.rule() }
            let subflow = generator.subflow()
            let now = generator.circumstances()
            let first = rules.first(for: subflow, now)
            #expect(first == plainFirst(rules, subflow, now), "\(rules) \(subflow) \(now)")
            if first != nil { applied += 1 }
            for owner in [ThrottleRule.Quota.Owner.connection, .client] {
                let left = rules.bytesLeft(for: subflow, now, of: owner)
                #expect(left == plainBytesLeft(rules, subflow, now, owner), "\(rules) \(subflow) \(now) \(owner)")
                if left != nil { waiting += 1 }
            }
        }
        // It leads somewhere.
        #expect(applied > 300 && applied < 2700 && waiting > 300)
    }

    private func plainFirst(
        _ rules: [ThrottleRule], _ subflow: ThrottledSubflow, _ now: ThrottleCircumstances
    ) -> Int? {
        for (place, rule) in rules.enumerated() where plainlyApplies(rule, subflow, now) { return place }
        return nil
    }

    /// By trying: the fewest bytes more with which another rule is the first.
    private func plainBytesLeft(
        _ rules: [ThrottleRule], _ subflow: ThrottledSubflow, _ now: ThrottleCircumstances,
        _ owner: ThrottleRule.Quota.Owner
    ) -> UInt64? {
        let first = plainFirst(rules, subflow, now)
        return (1...SplitMix64.mostBytes).first { more in
            var later = now
            if owner == .client { later.clientBytes += more } else { later.connectionBytes += more }
            return plainFirst(rules, subflow, later) != first
        }
    }

    private func plainlyApplies(
        _ rule: ThrottleRule, _ subflow: ThrottledSubflow, _ now: ThrottleCircumstances
    ) -> Bool {
        let hours = rule.hours.flatMap { window in
            window.start < window.end ? [window.start..<window.end] : [window.start..<1440, 0..<window.end]
        }
        let used = [.connection: now.connectionBytes, .client: now.clientBytes] as [ThrottleRule.Quota.Owner: UInt64]
        guard rule.quota.map({ used[$0.owner]! >= $0.bytes }) ?? true else { return false }
        guard now.subflows >= rule.minSubflows else { return false }
        guard hours.isEmpty || hours.contains(where: { $0.contains(now.minute) }) else { return false }
        guard rule.interfaces.contains(where: { $0 == subflow.interface }) else { return false }
        guard [nil, subflow.asksForBackup].contains(rule.backup) else { return false }
        guard rule.addressID == nil || rule.addressID == subflow.addressID else { return false }
        guard rule.ports.isEmpty || rule.ports.contains(where: { $0.contains(subflow.tuple.server.port) })
        else { return false }
        return plainlyHolds(rule.clients, subflow.tuple.client.address)
            && plainlyHolds(rule.servers, subflow.tuple.server.address)
    }

    private func plainlyHolds(_ prefixes: [IPPrefix], _ address: IPAddress) -> Bool {
        prefixes.isEmpty
            || prefixes.contains { prefix in
                let length = prefix.length + (prefix.address.isIPv4 ? 96 : 0)
                return address.isIPv4 == prefix.address.isIPv4
                    && bits(address).prefix(length) == bits(prefix.address).prefix(length)
            }
    }

    private func bits(_ address: IPAddress) -> [UInt8] {
        address.bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
    }
}

extension SplitMix64 {
    /// That a quota may have.
    fileprivate static let mostBytes: UInt64 = 12

    fileprivate mutating func rule() -> ThrottleRule {
        ThrottleRule(
            name: "a", interfaces: oneIn(2) ? ["lan0", "lan1"] : ["lan0"],
            clients: some(["10.1.0.0/24", "10.1.0.2/32", "10.0.0.0/8", "fd00:1::/64", "::/0"]).map { IPPrefix($0)! },
            servers: some(["10.9.0.0/24", "0.0.0.0/0", "fd00:9::2/128"]).map { IPPrefix($0)! },
            ports: some([80...80, 79...90, 443...443]), backup: oneIn(4) ? oneIn(2) : nil,
            addressID: oneIn(6) ? UInt8.random(in: 0...2, using: &self) : nil,
            minSubflows: Int.random(in: 1...2, using: &self), quota: oneIn(2) ? quota() : nil,
            hours: some([
                TimeWindow(start: 0, end: 600), TimeWindow(start: 1200, end: 300), TimeWindow(start: 600, end: 1440),
            ]), action: .backup)
    }

    private mutating func quota() -> ThrottleRule.Quota {
        .init(bytes: UInt64.random(in: 0...Self.mostBytes, using: &self), owner: oneIn(2) ? .connection : .client)
    }

    fileprivate mutating func subflow() -> ThrottledSubflow {
        let tuples = [
            ("10.1.0.2:40000", "10.9.0.2:80"), ("10.1.0.3:40000", "10.9.1.2:90"), ("10.2.0.2:40000", "10.9.0.2:443"),
            ("[fd00:1::2]:40000", "[fd00:9::2]:80"), ("[fd00:1::2]:40000", "[fd00:9::3]:443"),
        ]
        let (client, server) = tuples.randomElement(using: &self)!
        return ThrottledSubflow(
            tuple: FourTuple(client: Endpoint(client)!, server: Endpoint(server)!),
            interface: ["lan0", "lan0", "lan1", nil].randomElement(using: &self)!, asksForBackup: oneIn(2),
            addressID: oneIn(4) ? nil : UInt8.random(in: 0...2, using: &self))
    }

    fileprivate mutating func circumstances() -> ThrottleCircumstances {
        ThrottleCircumstances(
            subflows: Int.random(in: 1...3, using: &self),
            connectionBytes: UInt64.random(in: 0...Self.mostBytes, using: &self),
            clientBytes: UInt64.random(in: 0...Self.mostBytes, using: &self),
            minute: [0, 299, 300, 599, 600, 1199, 1200, 1439].randomElement(using: &self)!)
    }

    private mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }

    /// None, and so all, in three of four cases; else up to two.
    private mutating func some<Value>(_ values: [Value]) -> [Value] {
        guard oneIn(4) else { return [] }
        return Array(values.shuffled(using: &self).prefix(Int.random(in: 1...2, using: &self)))
    }
}
