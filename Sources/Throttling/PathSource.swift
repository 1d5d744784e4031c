import LinuxSystem
import Wire

/// Whom the sampler asks about paths: the kernel, or a test in its place.
protocol PathSource: AnyObject {
    /// nil: there is no such interface.
    func index(of interface: String) -> UInt32?
    /// nil: there is no answer.
    func counters(of index: UInt32) -> InterfaceCounters.Values?
    /// nil: there is no such socket, or no answer.
    func figures(of subflow: FourTuple) -> SubflowFigures?
}

/// The kernel, by netlink; in the network namespace of the thread that makes it.
final class KernelPaths: PathSource {
    private let diagnostics: SocketDiagnostics
    private let interfaces: InterfaceCounters

    init() throws(SystemError) {
        let diagnostics = try SocketDiagnostics()
        let interfaces = try InterfaceCounters()
        self.diagnostics = diagnostics
        self.interfaces = interfaces
    }

    func index(of interface: String) -> UInt32? { NetworkInterface.index(interface) }

    func counters(of index: UInt32) -> InterfaceCounters.Values? { interfaces.values(of: index) }

    func figures(of subflow: FourTuple) -> SubflowFigures? {
        diagnostics.figures(local: subflow.server, remote: subflow.client)
    }
}
