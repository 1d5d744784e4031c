import LinuxSystem
import Testing

@testable import TrafficControl

/// What somebody else has put on the interface: refused, or taken over and put back.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(2)))
struct TakeOverTests {
    static let foreign = [
        "tc qdisc add dev lan0 root handle 5: pfifo limit 77",
        "tc qdisc add dev lan0 root bfifo limit 77777",
        """
        tc qdisc add dev lan0 root handle 3: tbf rate 5mbit burst 20kb latency 50ms
        tc qdisc add dev lan0 parent 3:1 handle 30: pfifo limit 12
        """,
        "tc qdisc add dev lan0 root handle 3: tbf rate 40gbit burst 200kb limit 1mb peakrate 50gbit mtu 9000",
        """
        tc qdisc add dev lan0 clsact
        tc filter add dev lan0 ingress protocol ip pref 5 u32 match ip dst 1.2.3.4/32 action mirred egress mirror dev wan0
        tc qdisc add dev lan0 root handle 7701: pfifo limit 77
        """,
        htb,
        """
        tc qdisc add dev lan0 root handle 1: htb default 10
        tc class add dev lan0 parent 1: classid 1:1 htb rate 10gbit ceil 80gbit quantum 60000
        tc qdisc add dev lan0 parent 1:1 handle 2: htb offload 2>/dev/null || tc qdisc add dev lan0 parent 1:1 handle 2: htb
        tc class add dev lan0 parent 2: classid 2:5 htb rate 1mbit quantum 1600
        tc qdisc add dev lan0 parent 2:5 handle 3: tbf rate 5mbit burst 20kb latency 50ms
        """,
    ]

    static let htb = """
        tc qdisc add dev lan0 root handle 1: htb default 10 r2q 5
        tc class add dev lan0 parent 1: classid 1:1 htb rate 10mbit ceil 20mbit
        tc class add dev lan0 parent 1:1 classid 1:10 htb rate 5mbit ceil 20mbit prio 2 quantum 3000 burst 40k
        tc class add dev lan0 parent 1:1 classid 1:20 htb rate 5mbit ceil 20mbit overhead 18 mpu 64 quantum 2000
        tc qdisc add dev lan0 parent 1:20 handle 20: bfifo limit 30000
        tc qdisc add dev lan0 parent 1:10 pfifo limit 33
        tc filter add dev lan0 parent 1: protocol ip pref 4 u32 match ip dst 9.9.9.9/32 flowid 1:20
        tc filter add dev lan0 parent 1: protocol ip pref 5 u32 match ip dst 1.2.3.4/32 match ip tos 8 0xff flowid 1:20
        tc filter add dev lan0 parent 1: protocol ipv6 pref 6 u32 match ip6 dst fd00::1/128 flowid 1:10
        tc filter add dev lan0 parent 1: protocol ip pref 7 handle 2: u32 divisor 16
        tc filter add dev lan0 parent 1: protocol ip pref 7 u32 ht 2:3: match ip dst 1.2.3.5/32 flowid 1:10
        tc filter add dev lan0 parent 1: protocol ip pref 7 u32 match ip src 10.0.0.0/8 hashkey mask 0xff at 12 link 2:
        tc filter add dev lan0 parent 1: protocol ip pref 8 u32 match ip dst 1.2.3.6/32 \
            action mirred egress mirror dev wan0
        """

    @Test(arguments: foreign)
    func foreignQdiscsAreRefused(_ setup: String) throws {
        try Scratch.run { scratch in
            try shell(setup)
            let before = try scratch.state()
            let control = try TrafficControl(device: "up0")
            let obstacle = try #require(control.obstacle(scratch.lan, .download, takeOver: false))
            #expect(obstacle.problem.contains("lan0 has qdisc "))
            #expect(obstacle.mend.contains("take_over = true"))
            #expect(obstacle.mend.contains("tc qdisc del dev lan0 root"))
            #expect(throws: obstacle) { try control.attach(scratch.lan, .download, takeOver: false) }
            try scratch.expectState(before)
        }
    }

    @Test(arguments: foreign, [false, true])
    func takenOverAndPutBack(_ setup: String, _ isForgotten: Bool) throws {
        try Scratch.run { scratch in
            try shell(setup)
            let before = try scratch.state()
            let control = try TrafficControl(device: "up0")
            #expect(control.obstacle(scratch.lan, .download, takeOver: true) == nil)
            try control.attach(scratch.lan, .download, takeOver: true)
            #expect(control.isAttached(scratch.lan, .download))
            try control.setClass(7, scratch.lan, .download, rate: 1_000_000)
            if isForgotten { try TrafficControl.removeAll() } else { try control.detach(scratch.lan, .download) }
            try scratch.expectState(before)
        }
    }

    @Test func anotherRunTakesOverAgain() throws {
        try Scratch.run { scratch in
            try shell(Self.htb)
            let before = try scratch.state()
            try TrafficControl(device: "up0").attach(scratch.lan, .download, takeOver: true)
            let heir = try TrafficControl(device: "up0")
            #expect(heir.obstacle(scratch.lan, .download, takeOver: true) == nil)
            try heir.attach(scratch.lan, .download, takeOver: true)
            try heir.setClass(1, scratch.lan, .download, rate: 1_000_000)
            try heir.detach(scratch.lan, .download)
            try scratch.expectState(before)
            try TrafficControl(device: "up0").attach(scratch.lan, .download, takeOver: true)
            let cautious = try TrafficControl(device: "up0")
            let obstacle = try #require(cautious.obstacle(scratch.lan, .download, takeOver: false))
            #expect(throws: obstacle) {
                try cautious.attach(scratch.lan, .download, takeOver: false)
            }
            try scratch.expectState(before, "what the first took over is back")
        }
    }

    /// A death at whatever point: before the root was replaced, and in the middle of putting back.
    @Test func deathBetweenTwoSteps() throws {
        try Scratch.run { scratch in
            try shell(Self.htb)
            let before = try scratch.state()
            let socket = try RouteSocket()
            try Keeper.make(QdiscTree(of: scratch.lan.index, socket), of: scratch.lan, socket)
            #expect(try scratch.state() != before)
            try TrafficControl.removeAll()
            try scratch.expectState(before)

            try TrafficControl(device: "up0").attach(scratch.lan, .download, takeOver: true)
            let link = try #require(try socket.links().first { $0.alias.hasPrefix("sluice keeps") })
            try socket.setAlias("sluice restores qdiscs of \(scratch.lan.index) lan0", of: link.name)
            try shell(
                """
                tc qdisc del dev lan0 root
                tc qdisc add dev lan0 root handle 1: htb default 10 r2q 5
                tc class add dev lan0 parent 1: classid 1:1 htb rate 10mbit ceil 20mbit
                """)
            try TrafficControl.removeAll()
            try scratch.expectState(before)
        }
    }

    @Test func whatCannotBePutBackIsLeftAlone() throws {
        try Scratch.run { scratch in
            try shell(
                """
                tc qdisc add dev lan0 root handle 1: htb default 10
                tc class add dev lan0 parent 1: classid 1:10 htb rate 5mbit quantum 2000
                tc filter add dev lan0 parent 1: protocol ip pref 4 bpf bytecode '1,6 0 0 4294967295,' flowid 1:10
                """)
            let before = try scratch.state()
            let control = try TrafficControl(device: "up0")
            let obstacle = try #require(control.obstacle(scratch.lan, .download, takeOver: true))
            #expect(obstacle.problem.contains("filter bpf"))
            #expect(obstacle.mend.contains("by hand"))
            #expect(throws: obstacle) { try control.attach(scratch.lan, .download, takeOver: true) }
            try scratch.expectState(before)
        }
    }
}
