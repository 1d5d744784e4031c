import Testing

@testable import Wire

@Suite struct AddressTests {
    @Test(arguments: [
        ("10.1.0.2", "10.1.0.2"), ("255.255.255.255", "255.255.255.255"), ("0.0.0.0", "0.0.0.0"),
        ("::", "::"), ("::1", "::1"), ("2001:db8::1", "2001:db8::1"),
        ("2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("fe80::1:0", "fe80::1:0"), ("::ffff:10.1.0.2", "10.1.0.2"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ])
    func canonicalForm(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(address.description) == address)
    }

    @Test(arguments: [
        "", "10.1.0", "10.1.0.256", "10.1.0.2.3", "010.1.0.2", "+1.2.3.4", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "1::2::3", ":1", "1:", "12345::", "g::", "fe80::1%eth0", "::1.2.3", "1.2.3.4::", "1:2:3:4:5:6:7:8::", "-1::",
    ])
    func notAnAddress(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("0.0.0.0/0", "1.2.3.4", true),
        ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "1.2.3.4", false), ("::/0", "2001:db8::1", true),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::1", false),
        ("2001:db8::/65", "2001:db8::7fff:0:0:1", true), ("2001:db8::/65", "2001:db8:0:0:8000::1", false),
        ("10.1.0.2", "10.1.0.2", true), ("10.1.0.2", "10.1.0.3", false), ("10.1.0.2/31", "10.1.0.3", true),
    ])
    func prefixHolds(prefix: String, address: String, expected: Bool) throws {
        let prefix = try #require(IPPrefix(prefix))
        #expect(prefix.contains(try #require(IPAddress(address))) == expected)
    }

    @Test(arguments: ["10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/", "/8", "10.0.0.0/+8", "10.0.0.0/8/8"])
    func notAPrefix(text: String) {
        #expect(IPPrefix(text) == nil)
    }

    @Test(arguments: ["10.1.0.2:80", "[2001:db8::1]:443"])
    func endpointRoundTrip(text: String) throws {
        #expect(try #require(Endpoint(text)).description == text)
    }

    @Test(arguments: ["10.1.0.2", "10.1.0.2:65536", "2001:db8::1:80", "[2001:db8::1]", ":80", "[10.1.0.2:80"])
    func notAnEndpoint(text: String) {
        #expect(Endpoint(text) == nil)
    }

    @Test func bytesAreInNetworkOrder() throws {
        #expect(try #require(IPAddress("10.1.0.2")).bytes == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 0, 2])
    }
}
