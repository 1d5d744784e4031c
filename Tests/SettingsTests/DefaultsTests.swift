import Settings
import Testing
import Wire

@Suite struct DefaultsTests {
    @Test func onlyInterfacesAreRequired() throws {
        let settings = try Settings.parse("[intercept]\ninterfaces = [\"lan0\"]\n", file: "t")
        #expect(settings == Settings(intercept: .init(interfaces: ["lan0"])))
    }

    @Test func defaultsAreTheDocumentedOnes() {
        let settings = Settings(intercept: .init(interfaces: ["lan0"]))
        #expect(settings.intercept.ports == [1...65535])
        #expect(settings.intercept.clients.map(\.description) == ["0.0.0.0/0", "::/0"])
        #expect(settings.intercept.servers == settings.intercept.clients)
        #expect(settings.intercept.connect == .faithful)
        #expect(settings.intercept.inspect == .converted)
        #expect(settings.relay.receiveBuffer == nil)
        #expect(settings.relay.sendBuffer == nil)
        #expect(settings.relay.congestionControl == nil)
        #expect(settings.relay.idleTimeout == nil)
        #expect(settings.relay.workers == nil)
        #expect(settings.admin.control == "/run/sluice/control.sock")
        #expect(settings.admin.http == nil)
        #expect(settings.log.level == .info)
        #expect(settings.trace.file == nil)
        #expect(settings.trace.format == .pcapng)
        #expect(settings.trace.rotateSize == ByteCount(bytes: 100 << 20))
        #expect(settings.trace.rotateCount == 10)
        #expect(settings.trace.filter == .all)
        #expect(settings.paths == [])
        #expect(settings.steers == [])
        #expect(settings.throttles == [])
    }

    @Test func advancedDefaultsAreTheDocumentedOnes() {
        let advanced = Settings.Advanced()
        #expect(advanced.queueBase == 7700)
        #expect(advanced.dataQueues == nil)
        #expect(advanced.markMask == 0x0fff_0000)
        #expect(advanced.routeTable == 7700)
        #expect(advanced.rulePriority == 77)
        #expect(advanced.listenAddress.description == "127.77.0.1")
        #expect(advanced.listenAddress6.description == "fd73:6c75:6963:6500::1")
        #expect(advanced.tun == "sluice0")
        #expect(advanced.ifb == "sluice1")
        #expect(advanced.stateDirectory == "/var/lib/sluice")
        #expect(advanced.maxHeld == 2048)
        #expect(advanced.maxHeldPerClient == 512)
        #expect(advanced.maxConnections == nil)
        #expect(advanced.dialTimeout == .milliseconds(900))
        #expect(advanced.clientTimeout == .seconds(10))
        #expect(advanced.upstreamPorts == 4096...32767)
        #expect(advanced.listenerIdle == .milliseconds(10))
        #expect(advanced.serverMemory == .seconds(600))
        #expect(advanced.serverMemoryEntries == 65536)
        #expect(advanced.maxTracked == 65536)
        #expect(advanced.drainTimeout == .seconds(30))
        #expect(advanced.crashGrace == .seconds(10))
        #expect(advanced.iptables == .auto)
    }
}
