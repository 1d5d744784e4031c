import Testing

@testable import Firewall

struct RuleSetTests {
    static let wanted = RuleSet("*mangle\n:SLUICE_A - [0:0]\n-I INPUT -j SLUICE_A\nCOMMIT\n")

    @Test func nothingSavedNothingWantedNothingToDo() {
        #expect(RuleSet("").restoreInput(replacing: RuleSet("")) == "")
        let foreign = RuleSet(
            "# by hand\n*filter\n:INPUT DROP [1:2]\n:SLUICEGATE - [0:0]\n-A INPUT -j SLUICEGATE\nCOMMIT\n")
        #expect(RuleSet("").restoreInput(replacing: foreign) == "")
    }

    @Test func jumpsAreReplacedInTheSameTransaction() {
        let saved = RuleSet("*mangle\n:SLUICE_A - [0:0]\n-A INPUT -j SLUICE_A\n-A SLUICE_A -j ACCEPT\nCOMMIT\n")
        #expect(
            Self.wanted.restoreInput(replacing: saved)
                == "*mangle\n-D INPUT -j SLUICE_A\n:SLUICE_A - [0:0]\n-I INPUT -j SLUICE_A\nCOMMIT\n")
    }

    @Test func chainsAndTablesOfOtherVersionsGo() {
        let saved = RuleSet(
            """
            *mangle
            :OWN - [0:0]
            :SLUICE_OLD - [0:0]
            -A OWN -p tcp -g SLUICE_OLD
            COMMIT
            *nat
            :SLUICE_N - [0:0]
            COMMIT
            """)
        #expect(
            Self.wanted.restoreInput(replacing: saved) == """
                *mangle
                :SLUICE_OLD - [0:0]
                -D OWN -p tcp -g SLUICE_OLD
                :SLUICE_A - [0:0]
                -I INPUT -j SLUICE_A
                -X SLUICE_OLD
                COMMIT
                *nat
                :SLUICE_N - [0:0]
                -X SLUICE_N
                COMMIT

                """)
    }

    @Test func aTableInTwoPartsIsOneTransaction() {
        let wanted = RuleSet(
            "*filter\n:SLUICE_B - [0:0]\nCOMMIT\n*mangle\nCOMMIT\n*filter\n:SLUICE_A - [0:0]\nCOMMIT\n")
        #expect(
            wanted.restoreInput(replacing: RuleSet(""))
                == "*filter\n:SLUICE_B - [0:0]\n:SLUICE_A - [0:0]\nCOMMIT\n*mangle\nCOMMIT\n")
    }

    @Test func aCommentIsNoJump() {
        let saved = RuleSet("*filter\n-A INPUT -m comment --comment \"see -j SLUICE_A\"\nCOMMIT\n")
        #expect(RuleSet("").restoreInput(replacing: saved) == "")
    }

    @Test(arguments: ["iptables-restore: line 2 failed", "Error occurred at line: 2", "Command failed -:2"])
    func findsTheLineThatAToolNames(_ complaint: String) {
        #expect(Tool.line(named: complaint, of: "first\nsecond\nthird") == "second")
        #expect(Tool.line(named: complaint, of: "first") == nil)
    }
}
