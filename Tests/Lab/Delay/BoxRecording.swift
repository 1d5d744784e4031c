import Capture
import Glibc
import LinuxSystem
import Wire

// From a recording of all interfaces of the box to the segments that tell of conversion.

extension Lab {
    /// The SYNs and messages that passed the links of the first client and the first server; what passed other
    /// interfaces, such as the one by which Sluice takes SYNs back in, is left out.
    func boxSegments(inRecording path: String) async throws -> [BoxSegment] {
        let toClient = links(of: .client(0)).map(\.name)
        let toServer = links(of: .server(0)).map(\.name)
        return try await inside(.box) {
            let indices = { (names: [String]) in Set(names.map { if_nametoindex($0) }) }
            return try BoxRecording(client: indices(toClient), server: indices(toServer)).segments(in: path)
        }
    }
}

/// Which interfaces, by their indices, are on which side.
private struct BoxRecording {
    let client: Set<UInt32>
    let server: Set<UInt32>

    func segments(in path: String) throws -> [BoxSegment] {
        let file = Descriptor(owning: try systemCall("open \(path)") { open(path, O_RDONLY | O_CLOEXEC) })
        var reader = CaptureReader(descriptor: file.rawValue)
        var segments: [BoxSegment] = []
        while let packet = try reader.next() {
            if let segment = try segment(packet) { segments.append(segment) }
        }
        return segments
    }

    /// nil for one that doesn't tell of conversion.
    private func segment(_ packet: borrowing CapturedPacket) throws -> BoxSegment? {
        let link = try packet.link
        guard let time = packet.time, let ip = link.ip, let passage = passage(link) else { return nil }
        let segment = try Segment(ip)
        guard let content = try BoxSegment.Content(segment) else { return nil }
        return BoxSegment(time: time, passage, from: segment.source, to: segment.destination, content)
    }

    private func passage(_ link: borrowing LinkFrame) -> BoxSegment.Passage? {
        guard let index = link.interfaceIndex else { return nil }
        return switch link.direction {
        case .inbound: client.contains(index) ? .fromClient : server.contains(index) ? .fromServer : nil
        case .outbound: client.contains(index) ? .toClient : server.contains(index) ? .toServer : nil
        case .unknown: nil
        }
    }
}
