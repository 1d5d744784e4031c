import Converter
import LinuxSystem
import SharedTracking

/// What nobody else has a reason to do when no packet comes: connections that are over are forgotten, and the memory of
/// many goes back to the kernel when few are left.
struct Upkeep {
    let watch: ConnectionWatch
    let converter: Converter
    /// The most connections that there were at once since memory was given back.
    private var most = 0

    init(_ watch: ConnectionWatch, _ converter: Converter) {
        self.watch = watch
        self.converter = converter
    }

    /// Every second until the task is cancelled.
    mutating func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            watch.tidy(at: .now)
            giveBack()
        }
    }

    private mutating func giveBack() {
        let count = watch.count + converter.counters.open.load(ordering: .relaxed)
        most = max(most, count)
        guard most - count > Self.worthIt, count < most / 2 else { return }
        FreeMemory.trim()
        most = count
    }

    /// Connections, of some two KiB each.
    private static let worthIt = 500
}
