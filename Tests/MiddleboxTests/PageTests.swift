import Admin
import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

/// The page in a browser, with real traffic: it shows what the commands say.
@Suite(
    .serialized, .enabled(if: isRoot, needsRoot), .enabled(if: Browser.program != nil, Browser.needed),
    .timeLimit(.minutes(5)))
struct PageTests {
    private static let address = "127.0.0.1:9470"

    private static let rules = """

        [[path]]
        name = "wired"
        interface = "fast"
        capacity = "90mbit"
        [[path]]
        name = "mobile"
        interface = "slow"
        capacity = "30mbit"
        cap = "50GB/month"
        [[steer]]
        name = "overflow"
        mode = "priority-based"
        high = "wired"
        low = "mobile"
        ports = [80]
        [[throttle]]
        name = "relieve-wired"
        interface = "fast"
        download = "20mbit"

        """

    private func configuration(_ lab: Lab, _ more: String = "", rules: String = rules) -> String {
        // Names of elements are the lab's own, and nothing outlives it.
        lab.configuration([
            "admin": "http = \"\(Self.address)\"\n\(more)", "advanced": "state_directory = \"\(lab.directory)/state\"",
        ]) + rules
    }

    /// What the page has in its elements' data, as one object.
    private static let shown = """
        (() => {
          const data = element => ({ ...element.dataset });
          const all = (selector, read = data) => [...document.querySelectorAll(selector)].map(read);
          return {
            state: document.getElementById("state").textContent,
            open: document.getElementById("open").dataset.value,
            accepted: document.getElementById("accepted").dataset.value,
            down: document.getElementById("down").dataset.bytes, up: document.getElementById("up").dataset.bytes,
            total: document.getElementById("shown").dataset.total,
            connections: all("#list > li", element => ({ ...data(element), subflows: [...element.querySelectorAll(".bar")].map(data) })),
            paths: all("#paths > li"), throttles: all("#throttles > li"),
            times: all("#times > tr", row => [...row.children].slice(1).map(data)),
            decisions: all("#decisions > tr"), findings: all("#findings > li"),
            steering: all("#steering > tr", row => [...row.children].slice(1).map(cell => cell.textContent)),
          };
        })()
        """

    @Test func showsWhatTheCommandsSay() async throws {
        try await Lab.with(.twoLinks) { lab in
            let sluice = try await lab.startSluice(configuration: configuration(lab))
            let server = try await lab.serve()
            defer { server.stop() }
            var held = lab.plan(.download, 6_000_000)
            held.count = 3
            held.parallel = 3
            held.hold = .seconds(240)
            let plan = held
            async let report = lab.fetch(plan)
            try await lab.wait(for: "three downloads", within: .seconds(60)) {
                let connections = try await sluice.connections()
                return connections.count == 3
                    && connections.allSatisfy {
                        $0.bytesToClient == 6_000_000 && $0.subflows.count == 2
                    }
            }
            let browser = try await Browser(lab)
            try await browser.open("http://\(Self.address)/")
            try await browser.wait(for: "document.querySelectorAll('#list > li').length == 3")
            try await browser.wait(for: "document.getElementById('findings-none').textContent != 'Being checked…'")
            // Rests: what is compared was said by both of the same state.
            let counts = {
                try await sluice.connections().map { "\($0.client) \($0.subflows.map(\.bytesToClient))" }.sorted()
            }
            var before = try await counts()
            try await lab.wait(for: "the last acknowledgements", within: .seconds(30)) {
                try await Task.sleep(for: .seconds(1))
                let now = try await counts()
                defer { before = now }
                return now == before
            }
            let time = try #require(try await browser.value("document.getElementById('age').dataset.time"))
            try await browser.wait(for: "document.getElementById('age').dataset.time > \(time)")
            try await browser.wait(for: "document.getElementById('age').dataset.time > 1 + \(time)")
            let page = try #require(try await browser.value(Self.shown) as? [String: Any])
            try await compare(page, sluice)
            let html = try #require(try await browser.value("document.documentElement.outerHTML") as? String)
            #expect(html.contains("10.1.0.2:") && html.contains("relieve-wired"))
            #expect(browser.complaints == [])

            // Nothing is wider than a phone's screen, and the keyboard reaches what there is to reach.
            try await browser.setScreen(width: 360, height: 740, isDark: true, isPhone: true)
            #expect(try await browser.value("document.documentElement.scrollWidth <= innerWidth") as? Bool == true)
            var reached: [String] = []
            for _ in 0..<6 {
                try await browser.press("Tab", 9)
                let focus = "(e => e.id || e.className || e.tagName)(document.activeElement)"
                reached.append(try await browser.value(focus) as? String ?? "")
                let outline = "getComputedStyle(document.activeElement).outlineStyle"
                #expect(try await browser.value(outline) as? String == "solid", "\(reached)")
            }
            #expect(Array(reached.prefix(3)) == ["skip", "pause", "filter"])
            try await filters(browser)
            try await browser.end()
            server.stop()
            _ = try await report
            #expect(!sluice.log.contains("error:"), "\(sluice.log)")
        }
    }

    /// Of a box in a cluster; of others the section is hidden.
    @Test func showsTheCluster() async throws {
        try await Lab.with { lab in
            let cluster = "\n[cluster]\nid = \"box-1\"\nredis = \"redis://127.0.0.1\"\n"
            _ = try await lab.startSluice(configuration: configuration(lab, rules: cluster))
            let browser = try await Browser(lab)
            try await browser.open("http://\(Self.address)/")
            let says = { (words: String) in
                "document.getElementById('cluster-card').innerText.includes(\"\(words)\")"
            }
            try await browser.wait(for: says("directory can't be used"))
            try await browser.wait(for: says("redis://127.0.0.1:6379/0: "))
            _ = try lab.spawn(in: .box, RedisServer.command(port: 6379))
            try await browser.wait(for: says("directory is there"))
            try await browser.wait(for: says("box-1") + " && " + says("No join was asked about."))
            #expect(browser.complaints == [])
            try await browser.end()
        }
    }

    private func compare(_ page: [String: Any], _ sluice: SluiceDaemon) async throws {
        let status = try await sluice.status()
        #expect(page["state"] as? String == status.state)
        #expect(page["open"] as? String == "\(status.connections.open)")
        #expect(page["accepted"] as? String == "\(status.connections.accepted)")
        #expect(page["down"] as? String == "\(status.connections.bytesToClient)")
        #expect(page["up"] as? String == "\(status.connections.bytesToServer)")
        let times = [status.conversion.syn, status.conversion.dataToServer, status.conversion.dataToClient].map {
            latency in
            [latency.p50Us, latency.p99Us, latency.maxUs].map { ["us": $0.map(Self.number) ?? ""] } + [
                ["count": "\(latency.count)"]
            ]
        }
        #expect((page["times"] as? [[[String: String]]]) == times)
        let decisions = page["decisions"] as? [[String: String]] ?? []
        #expect(decisions.count == status.decisions.count)
        for row in decisions { #expect(status.decisions[row["key"] ?? ""].map { "\($0)" } == row["count"]) }

        let connections = try await sluice.connections()
        #expect(page["total"] as? String == "\(connections.count)")
        let shown = page["connections"] as? [[String: Any]] ?? []
        #expect(shown.count == connections.count)
        for connection in connections {
            let row = try #require(shown.first { $0["client"] as? String == connection.client })
            #expect(row["token"] as? String == connection.token ?? "")
            #expect(row["server"] as? String == connection.server && row["state"] as? String == connection.state)
            #expect(row["mode"] as? String == connection.mode)
            #expect(row["toClient"] as? String == "\(connection.bytesToClient)")
            #expect(row["toServer"] as? String == "\(connection.bytesToServer)")
            let subflows = connection.subflows.map { subflow in
                [
                    "key": "\(subflow.id)", "interface": subflow.interface ?? "", "remote": subflow.remote,
                    "toClient": "\(subflow.bytesToClient)", "toServer": "\(subflow.bytesToServer)",
                    "class": subflow.class ?? "", "backup": "\(subflow.backup)",
                ]
            }
            #expect(row["subflows"] as? [[String: String]] == subflows)
        }

        let paths = try await sluice.paths()
        #expect((page["paths"] as? [[String: String]])?.map { $0["name"] } == paths.paths.map(\.name))
        #expect((page["paths"] as? [[String: String]])?.map { $0["state"] } == paths.paths.map(\.state))
        let steering = paths.decisions.suffix(20).reversed().map { [$0.rule, $0.path, $0.effect, $0.reason] }
        #expect(page["steering"] as? [[String]] == steering)
        let throttles = try await sluice.throttles().map {
            [
                "key": $0.name, "name": $0.name, "subflows": "\($0.subflows)", "matched": "\($0.matched)",
                "on": "\($0.on)",
            ]
        }
        #expect(throttles.count == 1)
        #expect(page["throttles"] as? [[String: String]] == throttles)
        let check = try await sluice.findings()
        let findings = check.filter { $0.severity != "note" }
        let found = page["findings"] as? [[String: String]] ?? []
        #expect(found.map { $0["key"] } == findings.map { "\($0.check) \($0.message)" })
        #expect(found.map { $0["severity"] } == findings.map(\.severity))
    }

    /// As JavaScript writes a number.
    private static func number(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }

    private func filters(_ browser: Browser, isolation: isolated (any Actor)? = #isolation) async throws {
        let visible = "[...document.querySelectorAll('#list > li')].filter(e => e.offsetHeight > 0).length"
        #expect(try await browser.value(visible) as? Int == 3)
        let type = { (text: String) in
            "(f => { f.value = '\(text)'; f.dispatchEvent(new Event('input')); return \(visible); })(document.getElementById('filter'))"
        }
        #expect(try await browser.value(type("10.7.7.7")) as? Int == 0)
        #expect(try await browser.value(type("10.9.0.2:5000")) as? Int == 3)
        // Nothing comes while it is paused.
        _ = try await browser.value("document.getElementById('pause').click()")
        try await browser.wait(for: "document.getElementById('state').textContent == 'paused'")
        let time = try await browser.value("document.getElementById('age').dataset.time") as? String
        try await Task.sleep(for: .seconds(3))
        #expect(try await browser.value("document.getElementById('age').dataset.time") as? String == time)
        _ = try await browser.value("document.getElementById('pause').click()")
        try await browser.wait(for: "document.getElementById('state').textContent == 'running'")
    }

    /// Without the token the page shows nothing but a question; with it, all.
    @Test func asksForTheToken() async throws {
        try await Lab.with { lab in
            let secret = "0123456789abcdef0123"
            let token = "\(lab.directory)/token"
            _ = FileManager.default.createFile(
                atPath: token, contents: Data("\(secret)\n".utf8), attributes: [.posixPermissions: 0o600])
            let sluice = try await lab.startSluice(
                configuration: configuration(lab, "http_token = \"\(token)\"", rules: ""))
            let browser = try await Browser(lab)
            try await browser.open("http://\(Self.address)/")
            let submit = { (text: String) in
                "document.getElementById('token').value = '\(text)'; document.getElementById('ask').requestSubmit()"
            }
            try await browser.wait(for: "!document.getElementById('ask').hidden")
            _ = try await browser.value(submit("0123456789abcdef0124"))
            try await browser.wait(for: "document.getElementById('notice').textContent.includes('the token is wrong')")
            #expect(try await browser.value("document.getElementById('open').textContent") as? String == "–")
            _ = try await browser.value(submit(secret))
            try await browser.wait(for: "document.getElementById('state').textContent == 'running'")
            #expect(try await browser.value("document.getElementById('notice').hidden") as? Bool == true)
            try await browser.end()
            let status = try await sluice.stop()
            #expect(status.isSuccess, "\(status): \(sluice.log.suffix(2000))")
        }
    }

    /// Pictures for docs/page.md, into the folder of SLUICE_PICTURES.
    @Test(
        .enabled(if: ProcessInfo.processInfo.environment["SLUICE_PICTURES"] != nil, "SLUICE_PICTURES names no folder"))
    func pictures() async throws {
        let folder = ProcessInfo.processInfo.environment["SLUICE_PICTURES"] ?? ""
        try await Lab.with(.twoLinks) { lab in
            let sluice = try await lab.startSluice(configuration: configuration(lab).replacing("[80]", with: "[5000]"))
            let server = try await lab.serve()
            defer { server.stop() }
            var plan = lab.plan(.download, 2_000_000_000)
            plan.count = 4
            plan.parallel = 4
            let running = plan
            async let report = lab.fetch(running)
            let browser = try await Browser(lab)
            try await browser.open("http://\(Self.address)/")
            try await browser.wait(for: "document.querySelectorAll('#list .bar').length >= 8")
            try await browser.wait(for: "document.getElementById('findings-none').textContent != 'Being checked…'")
            try await Task.sleep(for: .seconds(12))
            for (name, width, height) in [("phone", 390, 844), ("desk", 1280, 900)] {
                for isDark in [false, true] {
                    try await browser.setScreen(width: width, height: height, isDark: isDark, isPhone: name == "phone")
                    try await Task.sleep(for: .milliseconds(1500))
                    let picture = try await browser.picture()
                    #expect(picture.count > 10_000)
                    try picture.write(to: URL(filePath: "\(folder)/\(name)-\(isDark ? "dark" : "light").png"))
                }
            }
            #expect(browser.complaints == [])
            try await browser.end()
            server.stop()
            _ = try await report
            _ = sluice
        }
    }
}

extension SluiceDaemon {
    func findings() async throws -> [FindingReport] {
        let words = ["check", "--json", "--config", configurationPath]
        let result = try await command(words, within: .seconds(60))
        return try JSONDecoder().decode([FindingReport].self, from: Data(result.output.utf8))
    }
}
