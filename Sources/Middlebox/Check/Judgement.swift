import Settings

extension MachineFacts {
    /// In the order in which they are best mended: what lies deeper comes first.
    func findings(for settings: Settings) -> [Finding] {
        let kernel = kernelFindings + multipathFindings + pathManagerFindings(settings)
        let network =
            forwardingFindings + interfaceFindings(settings) + reversePathFindings(settings) + socketMarkFindings
            + checksumFindings
        let packets =
            conntrackFindings + rulesFindings + guardFindings + markFindings(settings) + queueFindings
            + tunFindings(settings)
        let throttles = throttleFindings(settings) + shapingFindings(settings) + steeringFindings(settings)
        let process =
            congestionControlFindings(settings) + descriptorFindings(settings)
            + conntrackRoomFindings(settings) + portFindings(settings)
        return capabilityFindings(settings) + kernel + network + packets + throttles + process
            + controlFindings(settings) + httpFindings + traceFindings(settings) + sessionFindings(settings)
            + clusterFindings(settings) + kernelFaultFindings(settings)
    }
}
