import Foundation
import Lab
import LinuxSystem
import Testing

/// What the service manager hears, and the rights that Scripts/sluice.service gives.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(3))) struct ServiceTests {
    /// The values of a key of the unit, as single words.
    private static func unit(_ key: String) throws -> [String] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "Scripts/sluice.service"), encoding: .utf8)
        return text.split(separator: "\n").filter { $0.hasPrefix("\(key)=") }
            .flatMap { $0.dropFirst(key.count + 1).split(separator: " ").map(String.init) }
    }

    private func service(_ socket: NotifySocket, watchdog: Duration? = nil) -> [String] {
        let time = watchdog.map { ["WATCHDOG_USEC=\($0.components.seconds * 1_000_000)"] } ?? []
        return ["env", "NOTIFY_SOCKET=\(socket.name)"] + time
    }

    /// Without those that only have another line of status.
    private func events(_ messages: [String]) -> [String] { messages.filter { !$0.hasPrefix("STATUS=") } }

    private func lines(_ messages: [String], _ name: String) -> [String] {
        messages.flatMap { $0.split(separator: "\n") }.filter { $0.hasPrefix("\(name)=") }
            .map { String($0.dropFirst(name.count + 1)) }
    }

    /// The daemon's iptables-restore waits until a file is there: without rules it isn't ready.
    @Test func isReadyWhenTheRulesStand() async throws {
        try await Lab.with { lab in
            let socket = try NotifySocket("\(lab.directory)/notify")
            let gate = "\(lab.directory)/gate"
            let script = """
                #!/bin/bash
                : >'\(gate).met'
                until [[ -e '\(gate)' ]]; do sleep 0.02; done
                PATH=${PATH#*:} exec "${0##*/}" "$@"
                """
            try FileManager.default.createDirectory(atPath: "\(gate).d", withIntermediateDirectories: true)
            for name in ["iptables-nft-restore", "iptables-legacy-restore"] {
                let path = "\(gate).d/\(name)"
                try script.write(toFile: path, atomically: true, encoding: .utf8)
                chmod(path, 0o755)
            }
            let path = "PATH=\(gate).d:\(String(cString: getenv("PATH")))"
            async let starting = lab.startSluice(through: service(socket) + [path])
            try await lab.wait(for: "the rules to be put in place") {
                FileManager.default.fileExists(atPath: "\(gate).met")
            }
            #expect(socket.take() == [])
            try "".write(toFile: gate, atomically: true, encoding: .utf8)
            var messages: [String] = []
            try await lab.wait(for: "READY") {
                messages += socket.take()
                return !messages.isEmpty
            }
            #expect(messages == ["READY=1\nSTATUS=converts on lan0, lan1; 0 connections"])
            let sluice = try await starting
            #expect(try await lab.run(in: .box, ["iptables-save"]).output.contains("-j SLUICE"))
            #expect(try await sluice.status().state == "running")
            #expect(try await sluice.stop().isSuccess)
            #expect(lines(socket.take(), "STOPPING") == ["1"])
        }
    }

    /// Reloads, good and bad, and the end: each is told in order, and a reload is over when it says so.
    @Test func tellsOfReloadsAndItsEnd() async throws {
        try await Lab.with { lab in
            let socket = try NotifySocket("\(lab.directory)/notify")
            let before = MonotonicTime.now
            let configuration = lab.configuration(["advanced": "drain_timeout = \"45s\""])
            let sluice = try await lab.startSluice(configuration: configuration, through: service(socket))
            #expect(socket.take().map { $0.prefix { $0 != "\n" } } == ["READY=1"])
            for (text, status) in [
                (configuration, "converts on lan0, lan1; 0 connections"),
                ("nonsense", "converts on lan0, lan1; 0 connections; the last reload changed nothing: "),
            ] {
                try text.write(toFile: sluice.configurationPath, atomically: true, encoding: .utf8)
                sluice.process.signal(SIGHUP)
                var messages: [String] = []
                try await lab.wait(for: "READY") {
                    messages += events(socket.take())
                    return messages.count == 2
                }
                #expect(messages[0].hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
                let time = try #require(lines(messages, "MONOTONIC_USEC").first.flatMap { UInt64($0) })
                #expect((before.nanoseconds / 1000...MonotonicTime.now.nanoseconds / 1000).contains(time))
                #expect(messages[1].hasPrefix("READY=1\nSTATUS=\(status)"))
            }
            #expect(try await sluice.stop().isSuccess)
            #expect(
                events(socket.take()) == [
                    "STOPPING=1\nEXTEND_TIMEOUT_USEC=75000000\n"
                        + "STATUS=draining, new connections pass; 0 connections left"
                ])
        }
    }

    @Test func saysWhyItDoesNotStart() async throws {
        try await Lab.with { lab in
            let socket = try NotifySocket("\(lab.directory)/notify")
            let token = "\(lab.directory)/token"
            _ = FileManager.default.createFile(
                atPath: token, contents: Data("0123456789abcdef\n".utf8), attributes: [.posixPermissions: 0o600])
            let configuration = lab.configuration([
                "admin": "http = \"192.0.2.1:9470\"\nhttp_token = \"\(token)\""
            ])
            await #expect(throws: LabError.self) {
                try await lab.startSluice(configuration: configuration, through: service(socket))
            }
            let messages = socket.take()
            #expect(messages.count == 1)
            #expect(lines(messages, "STATUS").first?.contains("192.0.2.1:9470") == true, "\(messages)")
        }
    }

    @Test(arguments: ["path 0", "throttle", "trace", "watch"])
    func theWatchdogIsNotFedWhileAThreadHangs(_ thread: String) async throws {
        try await Lab.with { lab in
            let socket = try NotifySocket("\(lab.directory)/notify")
            let sluice = try await lab.startSluice(through: service(socket, watchdog: .seconds(4)))
            let feeding = {
                var messages: [String] = []
                try await lab.wait(for: "the watchdog to be fed", within: .seconds(30)) {
                    messages += socket.take()
                    return lines(messages, "WATCHDOG").count >= 3
                }
                return messages
            }
            _ = try await feeding()
            let frozen = try FrozenThread(named: thread, of: sluice.process.pid)
            do {
                defer { frozen.thaw() }
                try await lab.wait(for: "the hang to be noticed", within: .seconds(30)) {
                    sluice.log.contains("error: thread \(thread) hangs: the watchdog isn't fed any more")
                }
                _ = socket.take()
                // Three looks; on a slow machine fewer, and then there is as little to hear.
                try await Task.sleep(for: .milliseconds(1600))
                let messages = socket.take()
                #expect(lines(messages, "WATCHDOG") == [])
            }
            let status = lines(try await feeding(), "STATUS")
            #expect(status.last == "converts on lan0, lan1; 0 connections")
            #expect(sluice.log.contains("notice: thread \(thread) goes on"))
            #expect(try await sluice.stop().isSuccess)
        }
    }

    /// As the unit runs it: a user of its own with ambient capabilities, in root's group.
    @Test(arguments: ["nft", "legacy"])
    func theRightsOfTheUnitAreEnough(_ iptables: String) async throws {
        let names = try Self.unit("AmbientCapabilities")
        #expect(try Self.unit("CapabilityBoundingSet") == names)
        #expect(try Self.unit("SupplementaryGroups") == ["root"])
        let set = names.map { "+\($0.lowercased().dropFirst(4))" }.joined(separator: ",")
        try await Lab.with { lab in
            // The unit makes the folder and the lock so; a router's udev makes the device so.
            let prepare = """
                chmod 777 '\(lab.directory)'; chmod 644 '\(lab.directory)'/*.toml; mkdir -p /run/sluice
                mount -t tmpfs -o mode=700,uid=64090 tmpfs /run/sluice
                mknod -m 666 '\(lab.directory)/tun' c 10 200; mount --bind '\(lab.directory)/tun' /dev/net/tun
                touch /run/xtables.lock; install -m 640 /dev/null '\(lab.directory)/lock'
                mount --bind '\(lab.directory)/lock' /run/xtables.lock
                exec setpriv --reuid 64090 --regid 64090 --groups 0 --no-new-privs --inh-caps '-all,\(set)' \
                    --ambient-caps '-all,\(set)' --bounding-set '-all,\(set)' "$@"
                """
            let throttle = """

                [[throttle]]
                name = "held"
                interface = "lan1"
                min_subflows = 1
                download = "50mbit"
                upload = "50mbit"
                """
            let configuration =
                lab.configuration([
                    "admin": "http = \"127.0.0.1:9470\"",
                    "advanced": "iptables = \"\(iptables)\"\nstate_directory = \"\(lab.directory)/state\"",
                ]) + throttle
            let sluice = try await lab.startSluice(
                configuration: configuration, through: ["bash", "-ec", prepare, "bash"])
            let status = try String(contentsOfFile: "/proc/\(sluice.process.pid)/status", encoding: .utf8)
            #expect(status.contains("\nUid:\t64090\t64090\t64090\t64090\n"))
            try await lab.serve()
            for family in IPFamily.allCases {
                for operation in [PeerRequest.Operation.download, .upload] {
                    #expect(try await lab.fetch(lab.plan(operation, 300_000, family)).failures == [:])
                }
            }
            #expect(try await sluice.count("intercept: server answered") == 4)
            // What root's group is for.
            let samples = try await lab.scrape("http://127.0.0.1:9470/metrics")
            #expect(samples["sluice_queue_waiting{queue=\"7700\"}"] == 0)
            // What others remove is put back.
            let save = "iptables-\(iptables)-save"
            let rules = {
                try await lab.run(in: .box, [save]).output.split(separator: "\n").count { $0.contains("SLUICE") }
            }
            let before = try await rules()
            #expect(before > 100)
            try await lab.require(in: .box, ["iptables-\(iptables)", "-t", "mangle", "-F"])
            try await lab.wait(for: "the rules to be put back") {
                try await sluice.status().healing.repairs["rules"] ?? 0 > 0
            }
            #expect(try await rules() == before)
            try await lab.reload(sluice, configuration)
            #expect(try await sluice.stop().isSuccess)
            #expect(try await rules() == 0)
            #expect(
                try await lab.run(in: .box, ["tc", "qdisc", "show", "dev", "lan1"]).output.contains("7700:") == false)
        }
    }
}
