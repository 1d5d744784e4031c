import Tracking
import Wire

extension TextBuffer {
    /// A few words; the same in JSON.
    mutating func append(_ event: TrackingEvent) {
        switch event {
        case .opened: append("connection opened")
        case .established: append("connection established")
        case .fellBack(_, let reason):
            append("fallback: ")
            append(text: reason.rawValue)
        case .closed: append("connection closed")
        case .subflowOpened(_, let subflow): append(subflow, " opened")
        case .subflowEstablished(_, let subflow): append(subflow, " established")
        case .subflowClosed(_, let subflow, let end):
            append(subflow, " closed: ")
            append(end)
        case .backupChanged(_, let subflow): append(subflow, " changed its backup flag")
        case .addressAnnounced(_, let id, let host): append(id, " announced by the ", host)
        case .addressRemoved(_, let id, let host): append(id, " removed by the ", host)
        case .anomaly(_, let anomaly): append(text: anomaly.rawValue)
        case .interfaceLearned(_, let subflow): append(subflow, " has an interface")
        case .reached: append(text: "bytes asked for")
        case .forgotten: append("connection forgotten")
        }
    }

    private mutating func append(_ subflow: Int, _ suffix: StaticString) {
        append("subflow ", subflow)
        append(suffix)
    }

    private mutating func append(_ id: AddressID, _ verb: StaticString, _ host: Host) {
        append("address ", id.rawValue)
        append(verb)
        append(host.name)
    }

    /// How a subflow ended, and by whom.
    mutating func append(_ end: SubflowEnd) {
        append(end.name)
        if let host = end.host {
            append(" by the ")
            append(host.name)
        }
        if case .resetWithReason(let reset, _) = end {
            append(" (")
            append(text: reset.reasonText)
            append(")")
        }
    }
}

extension SubflowEnd {
    var name: StaticString {
        switch self {
        case .fin: "fin"
        case .reset, .resetWithReason: "reset"
        case .addressRemoved: "address removed"
        case .fastClosed: "fast close"
        case .joinRefused: "join refused"
        case .reused: "ports used again"
        }
    }

    var host: Host? {
        switch self {
        case .reset(let host), .resetWithReason(_, let host), .addressRemoved(let host): host
        case .fin, .fastClosed, .joinRefused, .reused: nil
        }
    }
}
