import Testing

@testable import Firewall

@Suite struct ExitTests {
    @Test("exits are other software's interfaces, each once")
    func added() {
        var setting = RuleSetting.sample
        setting.exits = ["wan0"]
        let names = ["lo", setting.tun, "sluice1", "sluice-2", "odd+", "wan0", "wan1", "sluice", "sluiceway"]
        let more = setting.addExits(names)
        #expect(more)
        #expect(setting.exits == ["wan0", "wan1", "sluice", "sluiceway"])
        let others = setting.addExits(["wan1", "sluice3"])
        #expect(!others)
    }

    @Test("there are numbers for 255")
    func limited() {
        var setting = RuleSetting.sample
        setting.exits = []
        _ = setting.addExits((0..<300).map { "wan\($0)" })
        #expect(setting.exits.count == 255)
    }
}
