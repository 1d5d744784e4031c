import Lab

/// The table at the end of the demo.
struct DemoReport {
    let text: String

    init(_ lab: Lab, single: DemoTransfer.Result, multipath: DemoTransfer.Result, family: IPFamily) {
        let links = lab.links(of: .client(0))
        let total = links.reduce(0) { $0 + (multipath.bytesByLink[$1.name] ?? 0) }
        let rows =
            [["link", "rate", "delay", "client's address", "MB carried", "share"]]
            + links.map { link in
                let bytes = multipath.bytesByLink[link.name] ?? 0
                return [
                    link.name, "\(link.configuration.rate!)", link.configuration.delay.text,
                    "\(link.address(family))", decimal(Double(bytes) / 1e6, places: 1),
                    decimal(100 * Double(bytes) / Double(max(total, 1)), places: 1) + " %",
                ]
            }
        let ratio = multipath.bitsPerSecond / single.bitsPerSecond
        text = """
            \(textTable(rows))

            best single link   \(Self.megabits(single))
            through Sluice     \(Self.megabits(multipath)), \(decimal(ratio, places: 2)) times the best single link
            subflows           \(multipath.subflows) ended at the box
            the server saw     \(multipath.clientSeen.map(\.description) ?? "nobody")
            SHA-256            \(multipath.sha256)
                               \(multipath.isIdentical ? "identical on both sides" : "DIFFERENT from the original")
            """
    }

    private static func megabits(_ result: DemoTransfer.Result) -> String {
        "\(decimal(result.bitsPerSecond / 1e6, places: 1)) Mbit/s (\(decimal(result.duration.inSeconds, places: 2)) s)"
    }
}
