// Any bytes as the options of a segment: what they say, said again, is the same.

import CFuzzMain
import Glibc
import PacketForge
import Wire

@main
enum FuzzOptions {
    static func main() { exit(fuzzMain(CommandLine.argc, CommandLine.unsafeArgv)) }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOptions(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let contents = read(Array(UnsafeBufferPointer(start: start, count: min(count, 40))))
    for content in contents {
        let bytes = content.bytes
        precondition(read(bytes) == [content], "another value after its emission")
    }
    return 0
}

/// IPv4 and TCP, without options.
private let header = PacketDraft().bytes

/// Cheaper than a draft, checksums and all: this is called some hundred thousand times a second.
private func read(_ options: [UInt8]) -> [TCPOptionContent] {
    var packet = header + options
    while packet.count % 4 != 0 { packet.append(0) }
    packet[3] = UInt8(packet.count)
    packet[32] = UInt8(packet.count - 20) << 2
    guard let segment = try? Segment(packet.span.bytes) else { preconditionFailure("not a segment") }
    return segment.readOptions().contents
}
