/// Who may ask over TCP. A browser is an open door: any page that it shows can make it ask here, and a name's owner can
/// make it point here (DNS rebinding). So the name by which it came has to be one of ours, and the page that asks, too.
struct AccessPolicy: Sendable {
    /// nil: whoever reaches the address may ask.
    let token: HTTPToken?
    /// Names besides addresses and `localhost`, in lower case.
    let names: Set<String>

    init(token: HTTPToken?, names: some Sequence<String>) {
        self.token = token
        self.names = Set(names.map { $0.lowercased() })
    }

    /// Why this is not answered; nil if it may be. The page itself is the same for everybody, and needs no token.
    func refusal(of head: RequestHead) -> Reply? {
        if let host = head.fields["host"], let refusal = refusal(ofHost: host) { return refusal }
        guard head.method == "GET" || head.method == "HEAD" else {
            return .error(
                405, "nothing is changed here; use GET, or the control socket", fields: [("Allow", "GET, HEAD")])
        }
        if let refusal = refusalOfOrigin(head) { return refusal }
        return head.path == "/" ? nil : refusalOfToken(head)
    }

    private func refusal(ofHost host: String) -> Reply? {
        guard let name = Self.name(ofHost: host) else {
            return .error(400, "the request is malformed: its Host is no name or address with a port")
        }
        // An address can't be made to point elsewhere.
        guard name != "localhost", !names.contains(name), !Self.isAddress(name) else { return nil }
        return .error(
            403, "\(name) is not known as a name of this router; use its address, or add the name to [admin] http_names"
        )
    }

    private func refusalOfOrigin(_ head: RequestHead) -> Reply? {
        if let origin = head.fields["origin"]?.lowercased() {
            let host = head.fields["host"]?.lowercased() ?? ""
            guard ["http://\(host)", "https://\(host)"].contains(origin) else {
                return .error(403, "a page of \(origin) may not ask here; open http://\(host)/ itself")
            }
        }
        // A link to the page may stand anywhere. What it shows is for no other page.
        if head.path != "/", let site = head.fields["sec-fetch-site"], !["same-origin", "none"].contains(site) {
            return .error(403, "a page of another site may not ask here; open this address itself")
        }
        return nil
    }

    private func refusalOfToken(_ head: RequestHead) -> Reply? {
        guard let token else { return nil }
        let challenge = [(name: "WWW-Authenticate", value: "Bearer realm=\"sluice\"")]
        let words = (head.fields["authorization"] ?? "").split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bearer" else {
            return .error(
                401,
                "a token is needed: send `Authorization: Bearer TOKEN`, with what the file of [admin] http_token has",
                fields: challenge)
        }
        guard token.matches(words[1]) else {
            return .error(
                401, "the token is wrong; the file of [admin] http_token has the right one", fields: challenge)
        }
        return nil
    }

    /// `router.lan` of `Router.lan:9470`, `::1` of `[::1]:9470`; nil if it is neither.
    static func name(ofHost host: String) -> String? {
        let text = host.lowercased()
        let isPort = { (rest: Substring) in
            rest.isEmpty || (rest.first == ":" && rest.dropFirst().utf8.allSatisfy { (0x30...0x39).contains($0) })
        }
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            let name = text[text.index(after: text.startIndex)..<end]
            return isPort(text[text.index(after: end)...]) && isAddress(String(name)) ? String(name) : nil
        }
        let name = text.prefix { $0 != ":" }
        let isOrdinary = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || "-._".utf8.contains(byte)
        }
        return isPort(text[name.endIndex...]) && !name.isEmpty && isOrdinary ? String(name) : nil
    }

    private static func isAddress(_ name: String) -> Bool {
        HTTPAddress(host: name, port: 0).isLiteral
    }
}
