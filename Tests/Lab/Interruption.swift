import Glibc
import LinuxSystem
import Synchronization

/// SIGINT, SIGTERM and SIGHUP tear the labs down, then take their usual course.
enum Interruption {
    /// Where the handler writes the signal's number; it may call little more than write(2).
    private static let pipe = Atomic<Int32>(-1)
    private static let installed = Mutex(false)
    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    /// Installs the handlers; a second call does nothing.
    static func install() throws {
        try installed.withLock { installed in
            guard !installed else { return }
            var pair: [Int32] = [-1, -1]
            try systemCall("socketpair") {
                socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair)
            }
            pipe.store(pair[1], ordering: .relaxed)
            let reader = pair[0]
            _ = try SystemThread(named: "lab signals") { handle(reader) }
            for number in signals {
                Glibc.signal(number) { number in
                    var byte = UInt8(number)
                    _ = write(Interruption.pipe.load(ordering: .relaxed), &byte, 1)
                }
            }
            installed = true
        }
    }

    private static func handle(_ reader: Int32) {
        var byte: UInt8 = 0
        guard case .success(1) = systemCallResult({ read(reader, &byte, 1) }) else { return }
        LiveLabs.tearDownAll()
        let number = Int32(byte)
        Glibc.signal(number, SIG_DFL)
        kill(getpid(), number)
    }
}
