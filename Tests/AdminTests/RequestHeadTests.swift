import Testing

@testable import Admin

/// What bytes are a request, and what is said of others.
@Suite struct RequestHeadTests {
    private func read(_ text: String) throws -> RequestHead? { try RequestHead.read(Array(text.utf8)) }

    @Test func aHeadIsRead() throws {
        let head = try read("GET /v1/status?x=/ HTTP/1.1\r\nHOST: \t router \r\nAccept: a\r\naccept: b\r\n\r\nrest")
        #expect(
            head == RequestHead(method: "GET", path: "/v1/status", fields: ["host": "router", "accept": "a, b"]))
        #expect(try read("HEAD / HTTP/1.0\r\n\r\n") == RequestHead(method: "HEAD", path: "/", fields: [:]))
        #expect(try read("GET / HTTP/1.1\r\nHost:\r\n\r\n")?.fields == ["host": ""])
    }

    /// It may become one.
    @Test(arguments: ["", "G", "GET / HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r"])
    func waitsForTheRest(_ text: String) throws { #expect(try read(text) == nil) }

    @Test(
        arguments: [
            ("\u{16}\u{3}\u{1}", .notHTTP), ("\0", .notHTTP), ("\r\n\r\n", .notHTTP), (" GET / HTTP/1.1\r\n", .notHTTP),
            ("get / HTTP/1.1\r\n", .notHTTP), ("GET /\r\n", .notHTTP), ("GET  / HTTP/1.1\r\n", .notHTTP),
            ("GET / HTTP/1.1 x\n", .notHTTP), ("GET /\u{1} HTTP/1.1\r\n", .notHTTP), ("SSH-2.0-x\r\n", .notHTTP),
            ("G-T / HTTP/1.1\r\n", .notHTTP), ("PRI * HTTP/2.0\r\n\r\n", .version), ("GET / HTTP/1.2\r\n", .version),
            ("GET x HTTP/1.1\r\n", .invalid("its target doesn't begin with a slash")),
            ("GET / HTTP/1.1\r\n\r\n", .invalid("it has no Host")),
            ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", .invalid("it names its host more than once")),
            ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", .invalid("a line of its head is no field")),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .invalid("a line of its head is no field")),
            ("GET / HTTP/1.1\r\n: a\r\n\r\n", .invalid("a line of its head is no field")),
            ("GET / HTTP/1.1\r\nHost: a\u{7f}\r\n\r\n", .invalid("a field of its head has a control character")),
        ] as [(String, RequestHead.Refusal)])
    func refuses(_ text: String, _ refusal: RequestHead.Refusal) {
        #expect(throws: refusal) { try read(text) }
        #expect([400, 505].contains(refusal.reply.status))
    }

    @Test func aHeadHasALimit() throws {
        let line = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        let fits = line + String(repeating: "x", count: RequestHead.limit - line.utf8.count - 4) + "\r\n\r\n"
        #expect(fits.utf8.count == RequestHead.limit)
        #expect(try read(fits)?.fields["x"] != nil)
        #expect(throws: RequestHead.Refusal.tooLong) { try read(line + "x" + fits.dropFirst(line.count)) }
        #expect(throws: RequestHead.Refusal.tooLong) { try read(line + String(repeating: "x", count: 9000)) }
        #expect(RequestHead.Refusal.tooLong.reply.status == 431)
    }

    /// Whatever comes, in whatever pieces: an end, and the same one.
    @Test func noiseIsRefusedOrWaitedFor() {
        var random = SplitMix(7)
        for _ in 0..<2000 {
            let bytes = (0..<Int(random.next() % 300)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let noise = random.next() % 2 == 0 ? bytes : Array("GET / HTTP/1.1\r\n".utf8) + bytes
            let whole = Result { try RequestHead.read(noise) }
            let half = Result { try RequestHead.read(Array(noise.prefix(noise.count / 2))) }
            if case .failure = half, case .success(.some) = whole { Issue.record("refused, then taken: \(noise)") }
        }
    }
}

/// Random numbers from a seed (SplitMix64).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
