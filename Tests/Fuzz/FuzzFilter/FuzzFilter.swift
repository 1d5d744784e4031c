// Any text as the filter of a trace: it is one, or an error that points into it.

import CFuzzMain
import Glibc
import PacketTap
import TraceOutput
import Wire

@main
enum FuzzFilter {
    static func main() { exit(fuzzMain(CommandLine.argc, CommandLine.unsafeArgv)) }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzFilter(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    do throws(TraceFilterError) {
        let filter = try TraceFilter(text).compiled { $0.utf8.count < 6 ? UInt32($0.utf8.count) : nil }
        // Whatever it asks, its contrary is the other answer.
        guard text.utf8.count < 4000, text.contains(where: { !$0.isWhitespace }),
            let contrary = try? TraceFilter("not (\(text))").compiled(interface: { UInt32($0.utf8.count) })
        else { return 0 }
        for facts in samples {
            precondition(filter.matches(facts) != contrary.matches(facts), "both, or neither")
        }
    } catch {
        precondition(!error.range.isEmpty && error.range.upperBound <= text.count, "points nowhere")
        let lines = error.description.split(separator: "\n", omittingEmptySubsequences: false)
        precondition(lines.count == 3, "another number of lines")
    }
    return 0
}

/// One of IPv4, one of IPv6, and one that is no segment.
private let samples: [PacketFacts] = {
    var facts = [PacketFacts(), PacketFacts(), PacketFacts()]
    facts[0].ends = FourTuple(client: Endpoint("10.1.0.2:40000")!, server: Endpoint("10.9.0.2:80")!)
    facts[0].flags = [.syn]
    facts[0].subtypes = [.capable]
    facts[1].ends = FourTuple(client: Endpoint("[fd00::2]:40000")!, server: Endpoint("[fd00:9::2]:443")!)
    facts[1].isFromClient = true
    facts[1].payloadLength = 1
    facts[1].token = Token(7)
    facts[2].isMalformed = true
    facts[2].inDevice = 4
    return facts
}()
