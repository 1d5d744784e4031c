import Lab

/// The network that stands for the paper's: a client with a wired and a wireless link, the box, a server that speaks
/// TCP alone.
enum PaperNetwork {
    static let wired = 0
    static let wireless = 1
    static let wiredRate = 90.0
    static let wirelessRate = 25.0
    /// Of all experiments that don't say otherwise.
    static let congestionControl = "cubic"

    /// - Wired: 90 of the 100 Mbit/s of the Raspberry Pi's Ethernet, which hangs on its USB bus; 1 ms each way.
    /// - Wireless: what a USB dongle for 802.11n of its time brings: 25 Mbit/s, 15 ms each way, ± 3 ms, and one packet of
    ///   a thousand lost. Wi-Fi repeats what is lost on the air, which shows as jitter; little loss is left.
    static let links = [
        LabConfiguration.Link(name: "wired", rate: .mbit(90), delay: .milliseconds(1)),
        LabConfiguration.Link(
            name: "wireless", rate: .mbit(25), delay: .milliseconds(15), jitter: .milliseconds(3), loss: 0.001),
    ]

    /// The server is on a gigabit network.
    static func configuration(sendingBy congestionControl: String = congestionControl) -> LabConfiguration {
        var configuration = LabConfiguration(clients: [.init(links: links)], servers: [.init(rate: .gbit(1))])
        configuration.congestionControl = congestionControl
        return configuration
    }

    /// The window, in bytes, that MPTCP needs at most while queues are empty: both links' bandwidth, for twice the longest
    /// round trip, so that the fast link can go on while a lost segment of the slow one is sent again (RFC 6182 section
    /// 5.3).
    static var neededWindow: Double { (wiredRate + wirelessRate) * 1e6 / 8 * 0.030 * 2 }
    /// The same for one round trip through the wireless link's queue when that is full, as a congestion control that waits
    /// for losses has it.
    static var windowForQueue: Double { (wiredRate + wirelessRate) * 1e6 / 8 * (0.030 + 0.100) }

    /// `[[throttle]]` for the wired link's subflows, downwards.
    static func throttle(_ rate: String) -> String {
        """

        [[throttle]]
        name = "relieve-wired"
        interface = "wired"
        min_subflows = 2
        download = "\(rate)"

        """
    }
}

extension Lab {
    /// Gives each of a client's sockets so much receive memory, in bytes, neither less nor more.
    func limitReceiveMemory(to bytes: Int, client: Int = 0) throws {
        try setSysctl(in: .client(client), "net/ipv4/tcp_rmem", "4096 \(bytes) \(bytes)")
    }
}
