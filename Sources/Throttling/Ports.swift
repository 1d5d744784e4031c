import TrafficControl

/// The interfaces that rules name, each with the directions that it is shaped in.
struct Ports {
    struct Port {
        /// May another's qdisc be replaced?
        var takeOver: Bool
        /// Where ours stands; nil when it is nowhere.
        var interface: ShapedInterface?
        /// Why not.
        var obstacle: String?
    }

    struct Place: Hashable {
        let interface: String
        let direction: ShapingDirection
    }

    var places: [Place: Port] = [:]

    var isEmpty: Bool { places.isEmpty }

    subscript(name: String, direction: ShapingDirection) -> Port? {
        get { places[Place(interface: name, direction: direction)] }
        set { places[Place(interface: name, direction: direction)] = newValue }
    }
}
