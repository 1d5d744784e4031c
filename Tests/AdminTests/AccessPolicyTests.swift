import Foundation
import Testing

@testable import Admin

/// Who is answered over TCP.
@Suite struct AccessPolicyTests {
    private static let secret = "0123456789abcdef"
    private let open = AccessPolicy(token: nil, names: ["Router.lan"])
    private let closed = AccessPolicy(token: try! HTTPToken(text: secret), names: [])

    private func status(
        _ policy: AccessPolicy, _ path: String = "/v1/status", _ fields: [String: String] = [:], method: String = "GET"
    ) -> Int? {
        let head = RequestHead(
            method: method, path: path, fields: fields.merging(["host": "127.0.0.1:9470"]) { given, _ in given })
        return policy.refusal(of: head)?.status
    }

    /// A name's owner can make it point here; an address can't be made to.
    @Test(
        arguments: [
            ("127.0.0.1", nil), ("127.0.0.1:9470", nil), ("[::1]:9470", nil), ("[2001:db8::1]", nil),
            ("10.1.0.1:80", nil),
            ("localhost:9470", nil), ("LOCALHOST", nil), ("router.lan:9470", nil), ("ROUTER.LAN", nil),
            ("evil.example", 403), ("router.lan.evil.example", 403), ("127.0.0.1.evil.example:9470", 403),
            ("1.2.3", 403), ("", 400), ("a b", 400), ("[::1", 400), ("[router.lan]", 400), ("a:b", 400), ("a@b", 400),
        ] as [(String, Int?)])
    func hosts(_ host: String, _ refusal: Int?) {
        for path in ["/", "/metrics", "/v1/events"] { #expect(status(open, path, ["host": host]) == refusal) }
    }

    @Test func withoutAHostNoBrowserComes() {
        #expect(open.refusal(of: RequestHead(method: "GET", path: "/metrics", fields: [:])) == nil)
    }

    @Test(
        arguments: [
            ("http://127.0.0.1:9470", nil), ("https://127.0.0.1:9470", nil), ("HTTP://127.0.0.1:9470", nil),
            ("http://127.0.0.1:9471", 403), ("http://127.0.0.1", 403), ("http://evil.example", 403), ("null", 403),
            ("", 403),
        ] as [(String, Int?)])
    func origins(_ origin: String, _ refusal: Int?) {
        #expect(status(open, "/metrics", ["origin": origin]) == refusal)
        #expect(status(open, "/", ["origin": origin]) == refusal)
    }

    /// A link to the page may stand anywhere.
    @Test func otherSitesGetNoData() {
        for (site, refusal) in [("same-origin", nil), ("none", nil), ("cross-site", 403), ("same-site", 403)] {
            #expect(status(open, "/metrics", ["sec-fetch-site": site]) == refusal)
            #expect(status(open, "/", ["sec-fetch-site": site]) == nil)
        }
    }

    @Test func nothingIsChanged() throws {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"] {
            let head = RequestHead(method: method, path: "/v1/throttles", fields: ["host": "localhost"])
            let refusal = try #require(open.refusal(of: head))
            #expect(refusal.status == 405)
            #expect(refusal.fields.contains { $0 == ("Allow", "GET, HEAD") })
        }
        #expect(status(open, method: "HEAD") == nil)
    }

    @Test(
        arguments: [
            (nil, 401), ("Bearer \(secret)", nil), ("bearer  \(secret)", nil), ("Bearer 0123456789abcdeF", 401),
            ("Bearer \(secret)0", 401), ("Bearer", 401), ("Basic \(secret)", 401), (secret, 401),
            ("Bearer \(secret) x", 401),
        ] as [(String?, Int?)])
    func tokens(_ authorization: String?, _ refusal: Int?) {
        let fields = authorization.map { ["authorization": $0] } ?? [:]
        for path in ["/v1/status", "/v1/events", "/metrics", "/else"] {
            #expect(status(closed, path, fields) == refusal, "\(path)")
        }
        #expect(status(closed, "/", fields) == nil, "the page is no secret")
    }

    @Test func aTokensFileIsChecked() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-token-\(getpid())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/token"
        let write = { (text: String, mode: Int) in
            _ = FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: mode])
        }
        let problem = { () -> String in
            do throws(HTTPTokenError) {
                _ = try HTTPToken(contentsOf: path)
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(problem().contains("\(path) can't be read: No such file or directory; make one: "))
        write("\(Self.secret)\n", 0o600)
        #expect(try HTTPToken(contentsOf: path).matches(Self.secret[...]))
        for text in [
            "", "\n", "short\n", "\(Self.secret)\n\n", "0123456789 abcdef", "0123456789äbcdef", "\(Self.secret)\r\n",
        ] {
            write(text, 0o600)
            #expect(problem().contains("isn't one line of 16 to 512 visible ASCII characters"), "\(text)")
        }
        write(String(repeating: "x", count: 5000), 0o600)
        #expect(problem().contains("isn't one line"))
        try FileManager.default.removeItem(atPath: path)
        write(Self.secret, 0o640)
        #expect(problem().contains("may be read by others than its owner; chmod 600 \(path)"))
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(problem().contains("is no ordinary file"))
    }
}
