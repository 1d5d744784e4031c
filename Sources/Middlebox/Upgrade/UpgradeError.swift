/// Why a daemon has not been replaced; it goes on as before.
enum UpgradeError: Error, CustomStringConvertible {
    case notRunning(String)
    case notTaken(program: String, String)

    var description: String {
        switch self {
        case .notRunning(let state): "the daemon is \(state); upgrade once it runs"
        case .notTaken(let program, let reason):
            "\(program) has not taken over: \(reason). The running daemon goes on as before; see its log"
        }
    }
}
