import LinuxSystem
import Wire

extension TrafficControl {
    /// Shapes for real, yet nowhere: on the loopback device of a network namespace that is gone with it. That finds
    /// whatever the kernel lacks of what these directions take, and has it load its modules. Throws
    /// `TrafficControlError`; `SystemError` when there can be no such namespace, which takes CAP_SYS_ADMIN.
    public static func tryOut(_ directions: Set<ShapingDirection>) throws {
        try NetworkNamespace.runInNew {
            let control = try TrafficControl(device: "ifb")
            // Every namespace has it as its first (drivers/net/loopback.c, loopback_net_init).
            let loopback = ShapedInterface(index: 1, name: "lo")
            for direction in ShapingDirection.allCases where directions.contains(direction) {
                try control.attach(loopback, direction, takeOver: false)
                try control.setClass(1, loopback, direction, rate: 1_000_000)
                guard direction == .upload else { continue }
                for tuple in examples { try control.steer(tuple, loopback, into: 1) }
            }
        }
    }

    /// One of each family (RFC 5737, RFC 3849).
    private static let examples = [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")].map { client, server in
        FourTuple(
            client: Endpoint(address: IPAddress(client)!, port: 50_000),
            server: Endpoint(address: IPAddress(server)!, port: 443))
    }
}
