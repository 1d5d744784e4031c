import CNetlinkRoute
import Wire

/// The IFB with its HTB, and the filters that lead to it and sort there.
extension TrafficControl {
    static let deviceAlias = "sluice upload"

    /// By their pref our filters tell whether the ingress qdisc is ours too, or was there before.
    static func tables(ownsHook: Bool) -> [FilterTable] {
        let pref: UInt16 = ownsHook ? 7700 : 7702
        return [
            FilterTable(isIPv4: true, parent: .ingressFilters, pref: pref),
            FilterTable(isIPv4: false, parent: .ingressFilters, pref: pref + 1),
        ]
    }

    static let deviceTables = [
        FilterTable(isIPv4: true, parent: Shaper.handle, pref: 7700),
        FilterTable(isIPv4: false, parent: Shaper.handle, pref: 7701),
    ]

    func uploadObstacle(_ interface: ShapedInterface) throws(TrafficControlError) {
        if let hook = try socket.qdiscs(interface.index).hook, hook.hasBlock {
            throw TrafficControlError(
                "\(interface.name) has \(hook) with a block that it shares with other interfaces",
                mend: "use a block of its own: tc qdisc del dev \(interface.name) \(hook.kind)")
        }
        if try socket.links().contains(where: { $0.name == device && $0.alias != Self.deviceAlias }) {
            throw TrafficControlError(
                "there is an interface \(device) already",
                mend: "rename it (ip link set \(device) name …) or set [advanced] ifb to a free name")
        }
    }

    func attachUpload(_ interface: ShapedInterface) throws(TrafficControlError) {
        if isUploadAttached(interface) { return }
        try uploadObstacle(interface)
        do throws(TrafficControlError) {
            try makeDevice()
            try forget(interface)
            let ownsHook = try socket.qdiscs(interface.index).hook == nil
            let tables = Self.tables(ownsHook: ownsHook)
            // One datagram: an ingress qdisc of ours is never without our filters.
            let hook = TrafficObject(.qdisc, "ingress", handle: Handle(0xffff), parent: .ingressHook)
            let objects = (ownsHook ? [hook] : []) + tables.flatMap(\.fixtures)
            uploads[interface.index] = tables
            try socket.send(objects.map { socket.addition(of: $0, to: interface.index) })
        } catch {
            try? detachUpload(interface)
            throw error
        }
    }

    func isUploadAttached(_ interface: ShapedInterface) -> Bool {
        guard let tables = uploads[interface.index], isDeviceThere,
            let filters = try? socket.filters(interface.index, at: .ingressFilters)
        else { return false }
        return tables.allSatisfy { table in filters.contains { table.holds($0) && $0.options != nil } }
    }

    func detachUpload(_ interface: ShapedInterface) throws(TrafficControlError) {
        try forget(interface)
        guard uploads.isEmpty else { return }
        uploadDevice = nil
        try Self.removeDevices(socket)
    }

    /// Removes what is on the interface first: a filter that leads to a device that isn't there drops packets.
    private func forget(_ interface: ShapedInterface) throws(TrafficControlError) {
        try Self.clearIngress(interface.index, socket)
        uploads[interface.index] = nil
        for (subflow, handle) in steered where subflow.interface == interface.index {
            try removeFromDevice(subflow.tuple, handle)
            steered[subflow] = nil
        }
    }

    private var isDeviceThere: Bool {
        guard let uploadDevice, let root = try? socket.qdiscs(uploadDevice).root else { return false }
        return Shaper.isOurs(root)
    }

    private func makeDevice() throws(TrafficControlError) {
        if isDeviceThere { return }
        try Self.removeUploads(socket)
        uploads = [:]
        steered = [:]
        let index = try socket.makeIFB(device, alias: Self.deviceAlias, isUp: true)
        uploadDevice = index
        try addShaper(to: index)
        for object in Self.deviceTables.flatMap(\.fixtures) { try socket.add(object, to: index) }
    }
}

extension TrafficObject {
    fileprivate var hasBlock: Bool { attributes.contains { [TCA_INGRESS_BLOCK, TCA_EGRESS_BLOCK].contains($0.type) } }
}
