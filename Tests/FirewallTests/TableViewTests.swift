import Testing

@testable import Firewall

/// What other hands have done to a table, from how it looked and looks.
struct TableViewTests {
    static let expectation = TableExpectation(
        RuleSet(
            """
            *mangle
            :SLUICE_PREROUTING - [0:0]
            :SLUICE_TAKE - [0:0]
            -I PREROUTING -j SLUICE_PREROUTING
            -A POSTROUTING -p tcp -j SLUICE_TAKE
            -A SLUICE_PREROUTING -j DROP
            -A SLUICE_PREROUTING -j SLUICE_TAKE
            -A SLUICE_TAKE -j ACCEPT
            COMMIT
            """
        ).tables[0])

    /// As the kernel has it: the operator's rules, 90 and 91, between ours.
    static let whole = TableView(chains: [
        "PREROUTING": [RuleView(id: 1, target: "SLUICE_PREROUTING"), RuleView(id: 90)],
        "POSTROUTING": [RuleView(id: 91), RuleView(id: 2, target: "SLUICE_TAKE")],
        "SLUICE_PREROUTING": [RuleView(id: 3), RuleView(id: 4, target: "SLUICE_TAKE")],
        "SLUICE_TAKE": [RuleView(id: 5)],
    ])

    @Test func isReadFromTheInputOfIptablesRestore() {
        let expectation = Self.expectation
        #expect(expectation.table == "mangle")
        #expect(expectation.counts == ["SLUICE_PREROUTING": 2, "SLUICE_TAKE": 1])
        #expect(expectation.heads == ["PREROUTING": ["SLUICE_PREROUTING"]])
        #expect(expectation.tails == ["POSTROUTING": ["SLUICE_TAKE"]])
        #expect(expectation.chains == ["POSTROUTING", "PREROUTING", "SLUICE_PREROUTING", "SLUICE_TAKE"])
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var chains: [String: [RuleView]] = [:]
        var change = TableChange()
    }

    static let rows = [
        Row(testDescription: "nothing"),
        Row(
            testDescription: "foreign rules come and go",
            chains: [
                "PREROUTING": [
                    RuleView(id: 1, target: "SLUICE_PREROUTING"), RuleView(id: 70), RuleView(id: 71, target: "X"),
                ],
                "POSTROUTING": [RuleView(id: 2, target: "SLUICE_TAKE")],
            ]),
        Row(
            testDescription: "a rule of ours is deleted", chains: ["SLUICE_PREROUTING": [RuleView(id: 3)]],
            change: TableChange(gone: 1)),
        Row(
            testDescription: "a chain of ours is gone", chains: ["SLUICE_PREROUTING": []], change: TableChange(gone: 2)),
        Row(
            testDescription: "a rule of ours is exchanged", chains: ["SLUICE_TAKE": [RuleView(id: 6)]],
            change: TableChange(gone: 1, foreign: 1)),
        Row(
            testDescription: "a rule is added to a chain of ours",
            chains: ["SLUICE_TAKE": [RuleView(id: 6), RuleView(id: 5)]], change: TableChange(foreign: 1)),
        Row(
            testDescription: "the jump is deleted", chains: ["PREROUTING": [RuleView(id: 90)]],
            change: TableChange(gone: 1)),
        Row(
            testDescription: "somebody comes before the first jump",
            chains: ["PREROUTING": [RuleView(id: 80), RuleView(id: 1, target: "SLUICE_PREROUTING"), RuleView(id: 90)]],
            change: TableChange(misplaced: ["PREROUTING"])),
        Row(
            testDescription: "somebody comes behind the last jump",
            chains: ["POSTROUTING": [RuleView(id: 91), RuleView(id: 2, target: "SLUICE_TAKE"), RuleView(id: 80)]],
            change: TableChange(misplaced: ["POSTROUTING"])),
        Row(
            testDescription: "a second jump",
            chains: [
                "PREROUTING": [
                    RuleView(id: 1, target: "SLUICE_PREROUTING"), RuleView(id: 80, target: "SLUICE_PREROUTING"),
                ]
            ],
            change: TableChange(foreign: 1)),
        Row(
            testDescription: "our rules are in another order",
            chains: ["SLUICE_PREROUTING": [RuleView(id: 4, target: "SLUICE_TAKE"), RuleView(id: 3)]],
            change: TableChange(misplaced: ["SLUICE_PREROUTING"])),
        Row(
            testDescription: "the table is flushed",
            chains: ["PREROUTING": [], "POSTROUTING": [], "SLUICE_PREROUTING": [], "SLUICE_TAKE": []],
            change: TableChange(gone: 5)),
    ]

    @Test(arguments: rows)
    func isTold(_ row: Row) {
        var found = Self.whole
        for (chain, rules) in row.chains { found.chains[chain] = rules }
        #expect(Self.expectation.isMet(by: Self.whole))
        #expect(Self.expectation.change(from: Self.whole, to: found) == row.change)
        #expect(row.change.isOrderOnly == !row.change.misplaced.isEmpty)
    }

    @Test func isSaidInWords() {
        #expect(TableChange(gone: 3).description == "3 rules of Sluice's were gone")
        #expect(
            TableChange(gone: 1, foreign: 2).description
                == "1 rule of Sluice's was gone, 2 rules were added to Sluice's chains")
        #expect(
            "\(Damage(.table(.ipv6, "mangle"), TableChange(misplaced: ["FORWARD"]).description))"
                == "ip6tables mangle: Sluice's rules in FORWARD were no longer where they belong")
    }

    /// Somebody was quicker than the first look.
    @Test func anIncompleteBeginningIsNoBaseline() {
        for row in Self.rows.dropFirst(2) where row.change.gone > 0 || row.testDescription.contains("comes") {
            guard row.testDescription != "a rule of ours is exchanged" else { continue }
            var found = Self.whole
            for (chain, rules) in row.chains { found.chains[chain] = rules }
            #expect(!Self.expectation.isMet(by: found), "\(row)")
        }
    }
}

struct TrackingRulesTests {
    @Test(
        arguments: [
            ("*raw\n-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp\n", [21]),
            ("*raw\n-A PREROUTING -p tcp -m tcp --dport 2121 -j CT --helper ftp --zone 3\n", [2121]),
            (
                "*raw\n-A PREROUTING -p tcp -m multiport --dports 21,8021:8023 -j CT --helper ftp\n",
                [21, 8021, 8022, 8023]
            ),
            ("*raw\n-A PREROUTING -i lan0 -j CT --helper sip\n", [5060]),
            ("*raw\n-A PREROUTING -p tcp -j CT --helper irc\n", [6667]),
            ("*raw\n-A PREROUTING -p tcp -j CT --helper tftp\n", []),
            ("*raw\n-A PREROUTING -p udp -m udp --dport 69 -j CT --helper tftp\n", []),
            ("*raw\n-A PREROUTING -p udp -m udp --dport 5060 -j CT --helper sip\n", []),
            ("*raw\n-A PREROUTING -p tcp -m tcp ! --dport 22 -j CT --helper pptp\n", [1723]),
            ("*raw\n-A PREROUTING ! -p tcp -j CT --helper ftp\n", []),
            ("*raw\n-A PREROUTING -p tcp -m tcp --dport 22 -j CT --notrack\n", []),
            ("*raw\n-A PREROUTING -p tcp -m comment --comment \"-j CT --helper ftp\" -j ACCEPT\n", []),
            ("*filter\n-A FORWARD -p tcp -m tcp --dport 21 -m helper --helper ftp -j ACCEPT\n", []),
            (
                "*mangle\n-A PREROUTING -p tcp -m tcp --dport 99 -j CT --helper Q.931\nCOMMIT\n*raw\n-A X -j CT --helper sane",
                [99, 6566]
            ),
        ] as [(String, Set<UInt16>)])
    func portsAreRead(_ saved: String, _ ports: Set<UInt16>) { #expect(TrackingRules(in: saved).helperPorts == ports) }

    @Test(arguments: [
        ("*raw\n-A PREROUTING -i lan0 -j CT --zone-orig 1\n", true),
        ("*raw\n-A OUTPUT -o lan0 -j CT --zone-reply mark\n", true),
        ("*raw\n-A PREROUTING -i lan0 -j CT --zone 1\n", false), ("*raw\n-A PREROUTING -j CT --notrack\n", false),
        ("*filter\n-A FORWARD -j CT --zone-orig 1\n", false),
    ])
    func zonesByDirection(_ saved: String, _ are: Bool) { #expect(TrackingRules(in: saved).hasZonesByDirection == are) }
}
