import CLinux
import Glibc

/// Signals as calls of a closure on a thread of their own.
public enum Signals {
    /// From now on, `handler` is called with each of these signals that comes. Once in a process.
    public static func handle(
        _ signals: [Int32], _ handler: @escaping @Sendable (Int32) -> Void
    ) throws(SystemError) {
        let pipe = Descriptor(owning: try systemCall("pipe") { sluice_signal_pipe(signals, UInt32(signals.count)) })
        let reader = pipe.release()
        _ = try SystemThread(named: "signals") {
            var number: UInt8 = 0
            while case .success(1) = systemCallResult({ read(reader, &number, 1) }) { handler(Int32(number)) }
        }
    }
}
