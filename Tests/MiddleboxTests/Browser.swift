import Foundation
import Glibc
import Lab
import Testing

/// Chromium without a screen, in the box of a lab. It is told what to do by its DevTools protocol, over two pipes
/// (`--remote-debugging-pipe`: JSON, a zero byte behind each message; https://chromedevtools.github.io/devtools-protocol/).
final class Browser {
    static let program = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].first { path in
        FileManager.default.isExecutableFile(atPath: path)
    }
    static let needed: Comment = "needs Chromium (apt-get install chromium)"

    private let process: ChildProcess
    private let input: Int32
    private let output: Int32
    private var buffer: [UInt8] = []
    private var number = 0
    private var session: String?
    /// What it complained of: exceptions, and what its policies forbade.
    private(set) var complaints: [String] = []

    init(_ lab: Lab, isolation: isolated (any Actor)? = #isolation) async throws {
        let folder = "\(lab.directory)/browser"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let pipes = ["\(folder)/in", "\(folder)/out"]
        for pipe in pipes where mkfifo(pipe, 0o600) != 0 { throw Unexpected("mkfifo: \(errno)") }
        input = Glibc.open(pipes[0], O_RDWR | O_CLOEXEC)
        output = Glibc.open(pipes[1], O_RDWR | O_CLOEXEC | O_NONBLOCK)
        let options = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
            "--user-data-dir=\(folder)/profile", "--remote-debugging-pipe", "about:blank",
        ]
        let command =
            "exec \(Self.program ?? "chromium") \(options.joined(separator: " ")) 3<>\(pipes[0]) 4<>\(pipes[1])"
        process = try lab.spawn(in: .box, ["bash", "-c", command], environment: ["HOME": folder])
        let target = try await call("Target.createTarget", ["url": "about:blank"])
        session =
            try await call(
                "Target.attachToTarget", ["targetId": target["targetId"] ?? "", "flatten": true])["sessionId"]
            as? String
        for domain in ["Page", "Runtime", "Log"] { try await call("\(domain).enable") }
    }

    deinit {
        close(input)
        close(output)
    }

    /// Ends it, and its children with it.
    func end(isolation: isolated (any Actor)? = #isolation) async throws {
        session = nil
        try await call("Browser.close")
        try await process.wait(within: .seconds(20))
    }

    func open(_ url: String, isolation: isolated (any Actor)? = #isolation) async throws {
        try await call("Page.navigate", ["url": url])
    }

    /// The value of an expression, which has to be one of JSON.
    func value(_ expression: String, isolation: isolated (any Actor)? = #isolation) async throws -> Any? {
        let answer = try await call(
            "Runtime.evaluate", ["expression": expression, "returnByValue": true, "awaitPromise": true])
        if let details = answer["exceptionDetails"] { throw Unexpected("\(expression): \(details)") }
        return (answer["result"] as? [String: Any])?["value"]
    }

    /// Waits until an expression is true.
    func wait(
        for expression: String, within limit: Duration = .seconds(30), isolation: isolated (any Actor)? = #isolation
    ) async throws {
        let deadline = ContinuousClock.now + limit
        // An element may not be there yet.
        let guarded = "(() => { try { return \(expression) } catch { return false } })()"
        while try await value(guarded) as? Bool != true {
            guard ContinuousClock.now < deadline else {
                throw Unexpected(
                    "\(expression) didn't come; \(complaints); \(try await value("document.body.innerText") ?? "")")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    func press(_ key: String, _ code: Int, isolation: isolated (any Actor)? = #isolation) async throws {
        for type in ["rawKeyDown", "keyUp"] {
            try await call(
                "Input.dispatchKeyEvent", ["type": type, "key": key, "code": key, "windowsVirtualKeyCode": code])
        }
    }

    /// In points, as a phone or a desk has them.
    func setScreen(
        width: Int, height: Int, isDark: Bool, isPhone: Bool, isolation: isolated (any Actor)? = #isolation
    ) async throws {
        try await call(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": isPhone])
        let feature = ["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"]
        try await call("Emulation.setEmulatedMedia", ["features": [feature]])
    }

    /// A picture, PNG, of the whole page.
    func picture(isolation: isolated (any Actor)? = #isolation) async throws -> Data {
        let answer = try await call("Page.captureScreenshot", ["format": "png", "captureBeyondViewport": true])
        return Data(base64Encoded: answer["data"] as? String ?? "") ?? Data()
    }

    @discardableResult
    private func call(
        _ method: String, _ parameters: [String: Any] = [:], isolation: isolated (any Actor)? = #isolation
    ) async throws -> [String: Any] {
        number += 1
        var message: [String: Any] = ["id": number, "method": method, "params": parameters]
        if let session { message["sessionId"] = session }
        let bytes = Array(try JSONSerialization.data(withJSONObject: message)) + [0]
        guard write(input, bytes, bytes.count) == bytes.count else { throw Unexpected("\(method): not written") }
        while true {
            let answer = try await next()
            note(answer)
            guard answer["id"] as? Int == number else { continue }
            if let error = answer["error"] { throw Unexpected("\(method): \(error)") }
            return answer["result"] as? [String: Any] ?? [:]
        }
    }

    private func note(_ event: [String: Any]) {
        switch event["method"] as? String {
        case "Runtime.exceptionThrown": complaints.append("\(event["params"] ?? "")")
        case "Log.entryAdded":
            let entry = (event["params"] as? [String: Any])?["entry"] as? [String: Any]
            if entry?["level"] as? String == "error" {
                complaints.append("\(entry?["text"] ?? "") \(entry?["url"] ?? "")")
            }
        default: break
        }
    }

    private func next(isolation: isolated (any Actor)? = #isolation) async throws -> [String: Any] {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            if let end = buffer.firstIndex(of: 0) {
                defer { buffer.removeSubrange(...end) }
                return try JSONSerialization.jsonObject(with: Data(buffer[..<end])) as? [String: Any] ?? [:]
            }
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = Glibc.read(output, &bytes, bytes.count)
            if count > 0 {
                buffer += bytes[..<count]
            } else {
                if let status = process.status { throw Unexpected("\(status): \(process.errors)") }
                guard ContinuousClock.now < deadline else { throw Unexpected("no word: \(process.errors)") }
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }
}
