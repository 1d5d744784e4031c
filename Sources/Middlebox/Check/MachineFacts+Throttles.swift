import Firewall
import LinuxSystem
import Settings
import SystemPackage
import TrafficControl

extension MachineFacts {
    /// What matters to `[[throttle]]` and `[[steer]]`. What the file's rules don't take isn't asked for, and is good.
    struct Throttling: Sendable {
        struct Place: Hashable, Sendable {
            var interface: String
            var direction: ShapingDirection
        }

        /// Why the qdiscs of the rules that shape can't be put there.
        var obstacles: [Place: TrafficControlError] = [:]
        /// What shaping failed with when it was tried out.
        var shapingError: TrafficControlError?
        /// Why it couldn't be tried out.
        var untried: SystemError?

        /// Why the kernel won't be told of single subflows.
        var steeringError: SystemError?
        /// net.mptcp.pm_type; nil when the kernel has no such sysctl.
        var pathManager: String? = "0"
        /// Rules of ours stand that have set it.
        var holdsPathManager = false
    }
}

extension MachineFacts.Throttling {
    static func collect(_ settings: Settings) async -> Self {
        var facts = Self()
        let shaping = settings.throttles.flatMap(\.places) + settings.steers.flatMap { $0.places(settings.paths) }
        if !shaping.isEmpty {
            facts.obstacles = obstacles(settings)
            do {
                try TrafficControl.tryOut(Set(shaping.map(\.direction)))
            } catch let error as TrafficControlError {
                facts.shapingError = error
            } catch {
                facts.untried = error as? SystemError
            }
        }
        if settings.steersSubflows {
            facts.steeringError = trySteering()
            facts.pathManager = MachineFacts.sysctl("net.mptcp.pm_type")
            facts.holdsPathManager = await Firewall.holdsPathManager()
        }
        return facts
    }

    /// On the router's own interfaces, yet only by looking. As the daemon has it, one rule that may take over is enough.
    private static func obstacles(_ settings: Settings) -> [Place: TrafficControlError] {
        guard let trafficControl = try? TrafficControl(device: settings.advanced.ifb) else { return [:] }
        var takeOver: [Place: Bool] = [:]
        for throttle in settings.throttles {
            for place in throttle.places { takeOver[place] = throttle.takeOver || takeOver[place] == true }
        }
        for place in settings.steers.flatMap({ $0.places(settings.paths) }) where takeOver[place] == nil {
            takeOver[place] = false
        }
        return takeOver.reduce(into: [:]) { obstacles, entry in
            let place = entry.key
            guard let index = NetworkInterface.index(place.interface) else { return }
            let interface = ShapedInterface(index: index, name: place.interface)
            obstacles[place] = trafficControl.obstacle(interface, place.direction, takeOver: entry.value)
        }
    }

    private static func trySteering() -> SystemError? {
        do throws(SystemError) {
            _ = try UserspacePathManager()
            return nil
        } catch {
            return error
        }
    }
}

extension Settings.Throttle {
    /// Where it shapes.
    var places: [MachineFacts.Throttling.Place] {
        guard action == .shape else { return [] }
        let directions = (download == nil ? [] : [ShapingDirection.download]) + (upload == nil ? [] : [.upload])
        return interfaces.flatMap { interface in directions.map { .init(interface: interface, direction: $0) } }
    }
}

extension Settings.Steer {
    /// Where it keeps weights.
    func places(_ paths: [Settings.Path]) -> [MachineFacts.Throttling.Place] {
        guard case .loadBalancing(let weights) = mode else { return [] }
        let interfaces = paths.filter { weights[$0.name] != nil }.compactMap(\.interface)
        return interfaces.flatMap { interface in
            ShapingDirection.allCases.map { .init(interface: interface, direction: $0) }
        }
    }
}
