import SystemPackage
import Wire

/// A subflow's tuple and the interface it comes in by.
struct SteeredSubflow: Hashable {
    let interface: UInt32
    let tuple: FourTuple
}

/// One filter on the interface and one on the IFB for each steered subflow, with the same handle.
extension TrafficControl {
    func addFilters(
        _ tuple: FourTuple, _ interface: ShapedInterface, into number: UInt8
    ) throws(TrafficControlError) {
        guard let uploadDevice, let tables = uploads[interface.index] else { throw .detached(interface, .upload) }
        let subflow = SteeredSubflow(interface: interface.index, tuple: tuple)
        let sorting = Self.deviceTables[tuple.family]
        let known = steered[subflow]
        let handle = if let known { known } else { try freeHandle(sorting, tuple) }
        // The class before the way there. For a subflow that is steered already this changes the class.
        let outcome = FilterTable.leading(to: Shaper.classHandle(UInt16(number)))
        try socket.add(sorting.subflow(handle, tuple, outcome), to: uploadDevice, .replacing)
        if known != nil { return }
        do throws(TrafficControlError) {
            let redirect = FilterTable.redirecting(to: uploadDevice)
            try socket.add(tables[tuple.family].subflow(handle, tuple, redirect), to: interface.index)
        } catch {
            try? removeFromDevice(tuple, handle)
            throw error
        }
        steered[subflow] = handle
    }

    func removeFilters(_ tuple: FourTuple, _ interface: ShapedInterface) throws(TrafficControlError) {
        let subflow = SteeredSubflow(interface: interface.index, tuple: tuple)
        guard let handle = steered[subflow] else { return }
        if let tables = uploads[interface.index] {
            try socket.remove(tables[tuple.family].subflow(handle), from: interface.index)
        }
        try removeFromDevice(tuple, handle)
        steered[subflow] = nil
    }

    func removeFromDevice(_ tuple: FourTuple, _ handle: UInt32) throws(TrafficControlError) {
        if let uploadDevice { try socket.remove(Self.deviceTables[tuple.family].subflow(handle), from: uploadDevice) }
    }

    private func freeHandle(_ table: FilterTable, _ tuple: FourTuple) throws(TrafficControlError) -> UInt32 {
        let handles = (1...0xfff as ClosedRange<UInt32>).lazy.map { table.subflowHandle(tuple, number: $0) }
        let occupied = Set(steered.values)
        guard let handle = handles.first(where: { !occupied.contains($0) }) else {
            throw TrafficControlError("too many subflows are throttled", mend: "throttle fewer")
        }
        return handle
    }
}

extension FourTuple {
    /// Of the two filter tables.
    fileprivate var family: Int { client.address.isIPv4 ? 0 : 1 }
}

extension TrafficControlError {
    static func detached(_ interface: ShapedInterface, _ direction: ShapingDirection) -> Self {
        Self("\(interface.name) isn't prepared for shaping its \(direction)", mend: "")
    }
}
