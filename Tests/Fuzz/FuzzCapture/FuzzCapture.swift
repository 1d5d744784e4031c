// Any bytes as a capture file: packets, then its end or an error; each packet through its link layer to what it says.

import CFuzzMain
import Capture
import Glibc
import Wire

@main
enum FuzzCapture {
    static func main() { exit(fuzzMain(CommandLine.argc, CommandLine.unsafeArgv)) }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzCapture(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var reader = CaptureReader(bytes: Array(UnsafeBufferPointer(start: start, count: count)))
    var (packets, entries) = (0, 0)
    do throws(CaptureError) {
        while let packet = try reader.next(journal: { _ in entries += 1 }) {
            packets += 1
            precondition(packet.frame == packets + entries, "frames are counted otherwise")
            precondition(packet.bytes.byteCount <= min(count, CaptureLimit.packet), "more than was there")
            precondition(packet.originalLength >= 0)
            read(packet)
        }
    } catch {
        precondition(!error.description.isEmpty)
    }
    // The shortest record that holds a packet has 16 bytes: an input of so many bytes ends.
    precondition(packets <= count / 16, "packets out of nothing")
    return 0
}

private func read(_ packet: borrowing CapturedPacket) {
    guard let link = try? packet.link, let ip = link.ip else { return }
    precondition(ip.byteCount <= packet.bytes.byteCount)
    guard let segment = try? Segment(ip, length: packet.originalLength) else { return }
    precondition(segment.payloadLength >= 0 && segment.headerLength <= ip.byteCount)
    _ = (segment.source, segment.destination, segment.sequence, segment.flags)
    var options = segment.options
    while let option = try? options.next() { _ = try? option.content() }
}
