// Any bytes as an IP packet: a segment or an error, and with a segment all that it says.

import CFuzzMain
import Glibc
import PacketForge
import Wire

@main
enum FuzzPacket {
    static func main() { exit(fuzzMain(CommandLine.argc, CommandLine.unsafeArgv)) }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzPacket(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: start, count: count).bytes
    for length in [nil, count, 200_000] { read(bytes, length: length) }
    return 0
}

private func read(_ bytes: RawSpan, length: Int?) {
    guard let segment = try? Segment(bytes, length: length) else { return }
    precondition((20...60).contains(segment.headerLength) && segment.headerLength <= bytes.byteCount)
    precondition((0...max(0xffff + 40, length ?? 0)).contains(segment.payloadLength))
    _ = segment.source.description + segment.destination.description
    _ = (segment.sequence, segment.acknowledgement, segment.window, segment.flags)
    let (contents, error) = segment.readOptions()
    precondition(contents.bytes.count <= segment.headerLength - 20)
    _ = error?.description
    _ = try? segment.multipathSYN()
}
