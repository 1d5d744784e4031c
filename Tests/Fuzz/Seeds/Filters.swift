import PacketForge

extension Seeds {
    /// Words of filters, mostly in an order that makes sense.
    static func filters(using generator: inout SplitMix64) -> [[UInt8]] {
        let conditions = [
            "client 10.1.0.0/16", "server fd00::/16", "host 10.9.0.2", "port 80", "client port 8000-8999",
            "server port 443", "token 0x90cd00d7", "token 7", "interface lan0", "verdict intercept", "from client",
            "from server", "mp_capable", "join", "dss", "add_addr", "remove_addr", "mp_prio", "fail", "fastclose",
            "tcprst", "syn", "FIN", "rst", "ack", "ip", "ip6", "data", "held", "error",
        ]
        let joints = [" and ", " or ", "&&", " || ", " and not ", " or (", ") and ", "!", " ", ""]
        return (0..<300).map { _ in
            let count = Int.random(in: 1...5, using: &generator)
            let parts = (0..<count).map { _ in
                conditions.randomElement(using: &generator)! + joints.randomElement(using: &generator)!
            }
            return Array((parts.joined() + conditions.randomElement(using: &generator)!).utf8)
        }
    }
}
