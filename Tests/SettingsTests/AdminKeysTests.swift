import Testing

@testable import Settings

/// Where HTTP is served, and to whom.
@Suite struct AdminKeysTests {
    private func error(_ text: String) -> String {
        do {
            _ = try Settings.parse(minimal + "[admin]\n" + text, file: "t")
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: ["127.0.0.1", "127.255.0.9", "[::1]"])
    func thisMachinesOwnAddressesNeedNoToken(_ host: String) { #expect(error("http = '\(host):9470'") == "") }

    @Test(arguments: ["10.1.0.1", "0.0.0.0", "[::]", "[fd00::1]"])
    func othersDo(_ host: String) {
        #expect(error("http = '\(host):9470'\nhttp_token = '/etc/sluice/token'") == "")
        let text = error("http = '\(host):9470'")
        #expect(text.contains("t:3: admin.http: "))
        #expect(text.contains("can be reached by others, and no token is asked of them; listen on 127.0.0.1 or [::1]"))
    }

    @Test(arguments: ["a", "router.lan", "a-b.c_d.example", "9470", "xn--bcher-kva.example"])
    func names(_ name: String) { #expect(error("http_names = ['\(name)']") == "") }

    @Test(arguments: ["", "a.", ".a", "a..b", "-a", "a-", "a b", "a:80", "http://a", "[::1]", "bücher", "*"])
    func otherWords(_ name: String) {
        #expect(error("http_names = ['\(name)']").contains("can't be the name of a host; give a list of names"))
    }

    @Test func nothingStandsTwice() {
        #expect(error("http_names = ['a', 'A']").contains("overlaps \"a\""))
        #expect(error("http_names = []").contains("the list is empty"))
        #expect(error("http_token = 'token'").contains("is not such a path; give an absolute path of a file"))
    }
}
