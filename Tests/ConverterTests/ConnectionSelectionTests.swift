import Testing
import Wire

@testable import Converter

@Suite struct ConnectionSelectionTests {
    private static let tuple = FourTuple(client: Endpoint("10.1.0.2:40000")!, server: Endpoint("[2001:db8::9]:443")!)

    private static func end(_ prefix: String, _ port: UInt16? = nil) -> ConnectionSelection.End {
        .init(prefix: IPPrefix(prefix)!, port: port)
    }

    private static let table:
        [(client: ConnectionSelection.End?, server: ConnectionSelection.End?, token: UInt32?, Bool)] = [
            (end("10.1.0.2"), nil, nil, true),
            (end("10.1.0.0/16"), nil, nil, true),
            (end("10.1.0.2", 40000), nil, nil, true),
            (end("10.1.0.2", 40001), nil, nil, false),
            (end("10.2.0.0/16"), nil, nil, false),
            (nil, end("2001:db8::/32"), nil, true),
            (nil, end("2001:db8::9", 80), nil, false),
            (end("10.1.0.2"), end("2001:db8::8"), nil, false),
            (end("10.1.0.2"), end("2001:db8::9", 443), 7, true),
            (end("10.1.0.2"), nil, 8, false),
            (nil, nil, 7, true),
            (nil, nil, 8, false),
        ]

    @Test("all that is given has to hold", arguments: table.indices)
    func selects(_ index: Int) {
        let (client, server, token, expected) = Self.table[index]
        let selection = ConnectionSelection(client: client, server: server, token: token.map { Token($0) })
        #expect(selection.contains(Self.tuple) { Token(7) } == expected)
    }

    @Test("a connection without a token is none that a token names")
    func withoutToken() {
        let selection = ConnectionSelection(client: nil, server: nil, token: Token(7))
        #expect(!selection.contains(Self.tuple) { nil })
    }
}
