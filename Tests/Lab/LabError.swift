/// Why a lab can't do what it was asked for.
public enum LabError: Error, CustomStringConvertible {
    case notRoot
    case configuration(String)
    /// A command that the lab depends on failed.
    case command([String], ChildProcess.Status, errors: String)
    case timedOut(String, Duration)
    /// tcpdump had no room for so many packets.
    case incompleteRecording(String, lost: Int)
    /// What went wrong between test peers, how often.
    case transfer([PeerError: Int])
    case tornDown
    case notFound(String)

    public var description: String {
        switch self {
        case .notRoot: "the lab makes network namespaces: run it as root"
        case .configuration(let reason): "lab configuration: \(reason)"
        case .command(let command, let status, let errors):
            "\(command.joined(separator: " ")): \(status)\n\(errors)"
        case .timedOut(let what, let limit): "\(what): not within \(limit)"
        case .incompleteRecording(let path, let lost): "\(path): \(lost) packets are missing"
        case .transfer(let failures): "transfer: \(failures)"
        case .tornDown: "the lab has been torn down"
        case .notFound(let what): what
        }
    }
}
