import Admin
import Firewall
import LinuxSystem
import Logging
import SessionLog
import Settings

// A box's life: from its start, or from the commit of an upgrade, to its end.

/// What a daemon is run with.
struct Surroundings: Sendable {
    let log: Logger
    let service: ServiceReporter
    /// Reads the settings anew.
    let reread: @Sendable () throws -> Settings
    /// Told of settings that were read anew, once they count.
    let adopted: @Sendable (Settings) -> Void
}

extension Middlebox {
    /// Runs until it is told to stop and has stopped. Queues, TUN device and sockets are taken in the network namespace
    /// of this process. Throws when it can't start, with nothing left behind.
    ///
    /// - Parameters:
    ///   - service: told how the daemon fares.
    ///   - isTakingOver: the daemon that runs has started this one in its place.
    ///   - reload: reads the settings anew.
    ///   - adopted: told of settings that were read anew, once they count.
    public static func run(
        _ settings: Settings, log: Logger, events: AsyncStream<RunEvent>, service: ServiceManager? = nil,
        isTakingOver: Bool = false, reload: @escaping @Sendable () throws -> Settings,
        adopted: @escaping @Sendable (Settings) -> Void
    ) async throws {
        let service = ServiceReporter(service, log: log)
        let surroundings = Surroundings(log: log, service: service, reread: reload, adopted: adopted)
        do {
            if isTakingOver {
                try await runAfterAnother(settings, surroundings, events)
            } else {
                try await run(settings, surroundings, events)
            }
        } catch {
            service.hasFailed(error)
            throw error
        }
        log.notice("sluice has stopped")
    }

    private static func run(
        _ settings: Settings, _ surroundings: Surroundings, _ events: AsyncStream<RunEvent>
    ) async throws {
        try await ControlServer.checkFree(settings.admin.control)
        let http = try HTTPSetting(settings.admin)
        let box = try start(settings, surroundings)
        defer { box.stopThreads() }
        let admin = try await AdminService.start(
            control: settings.admin.control, http: http, answers: box.answers)
        box.admin.withLock { $0 = admin }
        do {
            box.tellOfAddress()
            await box.applyTrace(settings.trace)
            box.sessionLog.apply(SessionTarget(settings.sessions))
            let watch = try await box.orders.run {
                try await box.applyThrottles(settings)
                try await box.rules.apply()
                return try await box.rules.watch(box.healer.tell)
            }
            defer { watch.stop() }
            await box.tellOfLimits()
            // Before the first connection is converted.
            box.heed(await box.rules.trackingRules() ?? TrackingRules())
            box.synInspector.open()
            box.state.withLock { $0 = .running }
            // Whoever waits for the socket may rely on the rules.
            try admin.appear()
            surroundings.log.notice("sluice \(version) converts on \(box.interfaces)")
            await box.work(events, watch)
            await admin.stop()
            try await box.orders.run { try await Firewall.remove() }
        } catch {
            await admin.stop()
            // They may be in place already: the socket's name comes behind them.
            try? await Firewall.remove()
            throw error
        }
    }

    /// The same in the place of a daemon that runs: what that has put into the kernel stands, and is replaced where it differs.
    private static func runAfterAnother(
        _ settings: Settings, _ surroundings: Surroundings, _ events: AsyncStream<RunEvent>
    ) async throws {
        let log = surroundings.log
        let (box, predecessor) = await takeOver(settings, surroundings) { box in
            // What it has to be read for is found out before there is no way back.
            _ = try HTTPSetting(settings.admin)
            let admin = try await AdminService.start(
                control: settings.admin.control, http: nil, answers: box.answers, isTakingOver: true)
            box.admin.withLock { $0 = admin }
        }
        defer { box.stopThreads() }
        var admin = box.admin.withLock { $0! }
        let watch = await box.orders.run { () -> KernelWatch? in
            do {
                try admin.appear()
            } catch {
                log.error("\(error); restart")
            }
            predecessor.sayBegun()
            log.notice("sluice \(version) has taken over, and converts on \(box.interfaces)")
            await predecessor.end()
            // Rules of a large router take their time.
            surroundings.service.isAlive()
            let watch = await box.settle()
            surroundings.service.isAlive()
            return watch
        }
        defer { watch?.stop() }
        do {
            if let http = try HTTPSetting(settings.admin) { try await admin.serve(on: http) }
            box.tellOfAddress()
        } catch {
            log.error("\(error)")
        }
        let complete = admin
        box.admin.withLock { $0 = complete }
        await box.applyTrace(settings.trace)
        await box.tellOfLimits()
        await box.work(events, watch)
        await admin.stop()
        try await box.orders.run { try await Firewall.remove() }
    }

    private var interfaces: String { initial.intercept.interfaces.joined(separator: ", ") }

    private func tellOfAddress() {
        guard let http = initial.admin.http else { return }
        log.notice("http://\(http)/ has a page, http://\(http)/metrics metrics")
    }

    private func tellOfLimits() async {
        if await !rules.usesPrograms {
            log.notice(
                """
                acknowledgements pass the data queues, which costs about a fifth of the throughput, and one thread decides \
                about all SYNs: rules with programs could not be put in place; modprobe xt_bpf and restart
                """)
        }
        if await !rules.families.contains(.ipv6) { log.notice("this kernel's IPv6 is off: IPv4 alone is converted") }
        if let fault = peerRoutes?.wayBackFault {
            log.notice(
                """
                what servers send to other boxes' connections goes on here, and is not led to them: the kernel lacks what leads it \
                (\(fault)): modprobe -a \(MachineFacts.wayBackModules)
                """)
        }
        guard strayGuard.withLock({ $0 == nil }) else { return }
        log.notice(
            """
            running connections are reset when others remove Sluice's rules: the kernel lacks what keeps their packets \
            here meanwhile (nf_tables with its socket expression, Linux 5.12: modprobe nft_socket)
            """)
    }

    /// Heals, compares and tidies, and tells the service manager, until the box has been told to stop, and has drained.
    ///
    /// - Parameter watch: nil when the kernel's changes can't be watched.
    private func work(_ events: AsyncStream<RunEvent>, _ watch: KernelWatch?) async {
        let service = surroundings.service
        service.isReady(statusLine)
        let reporting = Task { await service.run(subjects(watch)) { statusLine } }
        defer { reporting.cancel() }
        let healing = Task { await healer.run(hands) }
        let comparing = Task { await agreement.run(converter) }
        let tidying = Task {
            var upkeep = Upkeep(self.watch, converter)
            await upkeep.run()
        }
        await serve(events)
        comparing.cancel()
        tidying.cancel()
        healing.cancel()
        // No order and no repair may put rules back behind their removal.
        await healing.value
    }

    /// Returns when the box has been told to stop, and has drained or been told again.
    private func serve(_ events: AsyncStream<RunEvent>) async {
        let service = surroundings.service
        // A stop is known at once, also while a reload waits: for the end of this process, if another one takes its place.
        let (told, telling) = AsyncStream.makeStream(of: RunEvent.self)
        let listening = Task {
            for await event in events {
                switch event {
                case .stop: isToStop.store(true, ordering: .relaxed)
                case .reload: reloadsToCome.wrappingAdd(1, ordering: .relaxed)
                }
                telling.yield(event)
            }
            telling.finish()
        }
        defer { listening.cancel() }
        for await event in told {
            guard event == .reload else { break }
            service.isReloading()
            defer { reloadsToCome.wrappingSubtract(1, ordering: .relaxed) }
            do {
                _ = try await reload(ReloadOrder(dryRun: false))
                service.isReady(statusLine)
            } catch {
                // Whoever sends a signal reads the log.
                service.isReady("\(statusLine); the last reload changed nothing: \(error.message)")
            }
        }
        await orders.run {
            state.withLock { $0 = .draining }
            synInspector.drain()
        }
        service.isStopping(statusLine, drain: initial.advanced.drainTimeout)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.drain() }
            group.addTask { for await event in told where event == .stop { return } }
            await group.next()
            group.cancelAll()
        }
    }

    /// Waits for the running connections to end, for the time allowed.
    private func drain() async {
        let deadline = MonotonicTime.now + initial.advanced.drainTimeout
        let open = converter.counters.open.load(ordering: .relaxed)
        if open > 0 { log.notice("draining \(open) connections") }
        while converter.counters.open.load(ordering: .relaxed) > 0, MonotonicTime.now < deadline, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
