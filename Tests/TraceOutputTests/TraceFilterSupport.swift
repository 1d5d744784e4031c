import PacketTap
import Testing
import TraceOutput
import Wire

/// A segment from a client's port 40000 to port 443 of a server, which came in by device 1 to go out by device 2.
func facts(
    _ client: String = "10.1.0.2:40000", _ server: String = "10.9.0.2:443",
    _ change: (inout PacketFacts) -> Void = { _ in }
) -> PacketFacts {
    var facts = PacketFacts()
    facts.ends = FourTuple(client: Endpoint(client)!, server: Endpoint(server)!)
    facts.isFromClient = true
    (facts.inDevice, facts.outDevice) = (1, 2)
    change(&facts)
    return facts
}

/// lan0 and wan0, and one whose name is a keyword.
let devices: [String: UInt32] = ["lan0": 1, "wan0": 2, "port": 3]

func filter(_ text: String) throws -> PacketFilter {
    try TraceFilter(text).compiled { devices[$0] }
}

/// What is said of a filter that should not have been accepted.
func complaint(_ text: String) -> String? {
    do throws(TraceFilterError) {
        _ = try TraceFilter(text).compiled { devices[$0] }
        return nil
    } catch {
        return error.description
    }
}
