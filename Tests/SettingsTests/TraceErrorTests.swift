import Settings
import Testing
import TraceOutput

/// What is refused in `[trace]`, and what isn't.
@Suite struct TraceErrorTests {
    @Test func aWrongFilterIsShown() {
        let text = minimal + "[trace]\nfile = '/t'\nfilter = 'client 10.1.0.0/16 and prot 443'\n"
        #expect(
            message(text) == """
                f:4: trace.filter: unknown word "prot"; did you mean port?
                    client 10.1.0.0/16 and prot 443
                                           ^~~~
                """)
        // Each finding begins a line, whatever is shown before it.
        #expect(
            message(minimal + "[trace]\nfilter = ''' (syn'''\nrotate_count = 0\n") == """
                f:3: trace.filter: "(" is never closed; add ")"
                     (syn
                     ^
                f:4: trace.rotate_count: 0 is out of range; give an integer from 1 to 1000
                """)
    }

    @Test func theFilterMayHaveManyLines() throws {
        let text = minimal + "[trace]\nfilter = '''\nsyn\nor fin'''\n"
        #expect(try Settings.parse(text, file: "f").trace.filter == TraceFilter("syn\nor fin"))
    }

    /// Whether an interface exists isn't for this module.
    @Test func interfacesAreNotLookedFor() throws {
        let text = minimal + "[trace]\nfilter = 'interface nowhere9'\n"
        #expect(try Settings.parse(text, file: "f").trace.filter.text == "interface nowhere9")
    }

    @Test func withoutFileTheRestWaits() throws {
        let text = minimal + "[trace]\nformat = 'text'\nrotate_size = '1MiB'\nrotate_count = 2\nfilter = 'syn'\n"
        let expected = Settings.Trace(
            format: .text, rotateSize: ByteCount(bytes: 1 << 20), rotateCount: 2, filter: try TraceFilter("syn"))
        #expect(try Settings.parse(text, file: "f").trace == expected)
    }
}
