import Testing

@testable import Firewall

struct RenderingTests {
    /// Rendering traps on a name that template and code don't agree on.
    @Test(arguments: AddressFamily.allCases)
    func leavesNoPlaceholder(_ family: AddressFamily) {
        let firewall = Firewall(.sample)
        for text in [firewall.rendered(family), firewall.renderedRoutes(), firewall.renderedSysctl()] {
            #expect(!text.contains("{{") && !text.contains("}}"))
        }
    }

    @Test func unknownUnusedAndUnclosedNamesAreErrors() throws {
        let template = Template(Array("a {{name}} b".utf8))
        #expect(throws: TemplateError.unknown("name")) { try template.rendered(["nome": "1"]) }
        #expect(throws: TemplateError.unused(["other"])) { try template.rendered(["name": "1", "other": "2"]) }
        #expect(throws: TemplateError.unclosed) { try Template(Array("a {{name".utf8)).rendered([:]) }
        #expect(try template.rendered(["name": "{{x}}"]) == "a {{x}} b")
    }

    @Test func keepsOnlyTheFamilysOwnLines() {
        let firewall = Firewall(.sample)
        let (four, six) = (firewall.rendered(.ipv4), firewall.rendered(.ipv6))
        #expect(
            four.contains("\n-A SLUICE_PREROUTING -p icmp ") && !four.contains("\n-A SLUICE_PREROUTING -p ipv6-icmp "))
        #expect(
            six.contains("\n-A SLUICE_PREROUTING -p ipv6-icmp ") && !six.contains("\n-A SLUICE_PREROUTING -p icmp "))
        #expect(four.contains("--on-ip 127.77.0.1 ") && six.contains("--on-ip fd73:6c75:6963:6500::1 "))
    }

    @Test(arguments: AddressFamily.allCases)
    func marksEndToEndConnectionsOnlyIfTheyAreInspected(_ family: AddressFamily) {
        var setting = RuleSetting.sample
        let rules = { Firewall(setting).rendered(family).split(separator: "\n").filter { $0.hasPrefix("-") } }
        let all = rules()
        setting.inspectsEndToEnd = false
        let fewer = rules()
        #expect((all + fewer).allSatisfy { $0.hasPrefix("-A ") || $0.hasPrefix("-I ") })
        // A throttled one may be left from before; its class is asked for all the same.
        let marking = all.filter { $0.contains("0x5000000/") && !$0.hasSuffix("-j SLUICE_CLASS") }
        #expect(marking.count == 3 && fewer == all.filter { !marking.contains($0) })
    }

    /// Both ways, just before the queue.
    @Test(arguments: AddressFamily.allCases)
    func bulkIsLeftToTheKernelIfAsked(_ family: AddressFamily) {
        var setting = RuleSetting.sample
        setting.usesPrograms = false
        let rules = { Firewall(setting).rendered(family).split(separator: "\n").filter { $0.hasPrefix("-") } }
        let all = rules()
        setting.inspectsBulk = false
        let more = rules()
        let isLeft = { (rule: Substring) in rule.contains("-m bpf") && rule.hasSuffix("-j RETURN") }
        #expect(all == more.filter { !isLeft($0) })
        for (index, rule) in more.enumerated() where isLeft(rule) {
            let subflow = "-p tcp --tcp-flags SYN,FIN,RST NONE -m connmark --mark 0xe000000/0xf000000 "
            #expect(rule.contains(subflow))
            #expect(more[index + 1].contains("-j NFQUEUE --queue-balance"))
        }
        #expect(more.count == all.count + 2)
        // Acknowledgements tell how much the kernel has carried by itself: they have no queue of their own.
        setting.usesPrograms = true
        #expect(!rules().contains { $0.contains("--queue-num 7703") })
    }

    /// Both ways, of established connections alone, and ahead of the data queues.
    @Test(arguments: AddressFamily.allCases)
    func acknowledgementsHaveAQueueOfTheirOwn(_ family: AddressFamily) {
        var setting = RuleSetting.sample
        let rules = { Firewall(setting).rendered(family).split(separator: "\n").filter { $0.hasPrefix("-") } }
        let separated = rules()
        setting.usesPrograms = false
        let acknowledgements = separated.filter { $0.contains("-m bpf") && $0.contains("--tcp-flags") }
        #expect(rules() == Self.unspread(separated.filter { !$0.contains("-m bpf") }))
        #expect(acknowledgements.map { $0.prefix(16) } == ["-A SLUICE_INPUT ", "-A SLUICE_OUTPUT"])
        for rule in acknowledgements {
            #expect(rule.contains(" --tcp-flags FIN,SYN,RST,PSH,ACK,URG ACK -m connmark --mark 0x6000000/0x7000000 "))
            #expect(rule.hasSuffix(" -j NFQUEUE --queue-num 7703 --queue-bypass"))
        }
    }

    /// Other software's bits stay as they are: each mark has a mask, and the mask is ours.
    @Test(arguments: AddressFamily.allCases)
    func everyMarkIsMasked(_ family: AddressFamily) {
        let words = Firewall(.other(.nft)).rendered(family).split(whereSeparator: \.isWhitespace)
        let marks = zip(words, words.dropFirst()).filter { ["--mark", "--set-xmark", "--tproxy-mark"].contains($0.0) }
        #expect(marks.count >= 16)
        // The role's bits, without and with the one above them, those that tell a
        // client's connection, the class's, or all.
        let masks = ["/0x700", "/0xf00", "/0xfff", "/0x300", "/0xff", "/0xf0"]
        #expect(marks.allSatisfy { mark in masks.contains { mark.1.hasSuffix($0) } }, "\(marks)")
    }

    /// Each class's mark leads to the chain of its first digit, and there to its own class.
    @Test func everyClassHasItsRule() {
        let rules = Firewall(.other(.nft)).rendered(.ipv4).split(separator: "\n")
        for number in 1...255 {
            let (digits, digit) = (String(number, radix: 16), String(number >> 4, radix: 16))
            let way = "-A SLUICE_CLASS -m connmark --mark 0x\(digit == "0" ? "" : digit)0/0xf0 -g SLUICE_CLASS_\(digit)"
            #expect(rules.count { $0 == way } == 1, "\(way)")
            let rule = "-m connmark --mark 0x\(digits)/0xff -j CLASSIFY --set-class 77:\(digits)"
            #expect(rules.count { $0 == "-A SLUICE_CLASS_\(digit) \(rule)" } == 1, "\(rule)")
        }
        #expect(rules.count { $0.contains("CLASSIFY") } == 255)
        #expect(rules.count { $0.hasPrefix(":SLUICE_CLASS_") } == 16)
    }

    /// Outside our own chains we only add jumps into them.
    @Test(arguments: AddressFamily.allCases)
    func touchesNoChainButOurs(_ family: AddressFamily) {
        for line in Firewall(.sample).rendered(family).split(separator: "\n") where line.hasPrefix("-") {
            let words = line.split(separator: " ")
            let isJump = words.count == 4 && words[2] == "-j" && words[3].hasPrefix("SLUICE_")
            #expect(words[1].hasPrefix("SLUICE_") || isJump, "\(line)")
        }
    }

    /// Where rules have no programs, all SYNs go to the first queue.
    private static func unspread(_ rules: [Substring]) -> [Substring] {
        rules.map { rule in
            rule.replacing("SLUICE_HOLD -j NFQUEUE --queue-num 7704", with: "SLUICE_HOLD -j NFQUEUE --queue-num 7700")
        }
    }

    @Test func thereAreAsManyQueuesForSYNsAsForData() {
        let setting = RuleSetting.sample
        #expect(setting.synQueues == [7700, 7704] && setting.lastQueue == 7704)
        #expect(RuleSetting.other(.nft).synQueues == [10] && RuleSetting.other(.nft).lastQueue == 12)
        for queues: ClosedRange<UInt16> in [1...1, 1...2, 1...5, 1...16] {
            var many = setting
            (many.synQueue, many.dataQueues) = (0, queues)
            let all = many.synQueues + queues + [many.acknowledgementQueue]
            #expect(Set(all) == Set(0...many.lastQueue) && all.count == Set(all).count)
            let rules = Firewall(many).rendered(.ipv4)
            for queue in many.synQueues { #expect(rules.contains("--queue-num \(queue) --queue-bypass")) }
        }
    }

    @Test func oneDataQueueIsNotBalanced() {
        #expect(Firewall(.sample).rendered(.ipv4).contains("-j NFQUEUE --queue-balance 7701:7702 --queue-bypass"))
        #expect(Firewall(.other(.nft)).rendered(.ipv4).contains("-j NFQUEUE --queue-num 11 --queue-bypass"))
    }

    @Test func describesBothFamiliesAndRouting() {
        let text = Firewall(.sample).describe()
        for part in ["--on-ip 127.77.0.1", "--on-ip fd73:", "route replace local default dev sluice0", "rp_filter = 0"]
        {
            #expect(text.contains(part))
        }
    }
}
