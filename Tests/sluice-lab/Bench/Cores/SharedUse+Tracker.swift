import SharedTracking
import LinuxSystem
import Wire

extension SharedUse {
    /// The tracker behind its lock, as queue threads have it: segments of connections in random order, those of either thread
    /// of others.
    static func tracker(_ segment: MadeUpHandshakes.Segment, _ traffic: MadeUpHandshakes) -> SharedUse {
        SharedUse(name: "tracker: \(segment.rawValue)", count: traffic.connections) {
            let watch = ConnectionWatch(connections: 131_072)
            @Sendable func see(_ segment: MadeUpHandshakes.Segment, _ thread: Int, _ number: Int) {
                traffic.withPacket(segment, thread, number) { packet in
                    watch.observe(packet, at: .now, interface: 0, isForwarded: false)
                }
            }
            // What comes before it; before data, the connection's first, which changes more.
            let earlier = MadeUpHandshakes.Segment.allCases.prefix { $0 != segment }
            for earlier in Array(earlier) + (segment == .data ? [.data] : []) {
                for number in 0..<traffic.connections {
                    for thread in 0..<2 { see(earlier, thread, number) }
                }
            }
            return { thread, number in see(segment, thread, number) }
        }
    }
}
