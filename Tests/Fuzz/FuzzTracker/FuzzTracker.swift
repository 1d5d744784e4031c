// Any bytes as a sequence of segments (TrackingTests/Script): after each of them the tracker is consistent and small.

import CFuzzMain
import Glibc

@main
enum FuzzTracker {
    static func main() { exit(fuzzMain(CommandLine.argc, CommandLine.unsafeArgv)) }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzTracker(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var script = TrafficScript(
        Array(UnsafeBufferPointer(start: start, count: count)), Scene(TrafficScript.limits))
    var evictions = EvictionWatch()
    script.play { scene in
        let broken = scene.tracker.brokenInvariants() + evictions.look(scene.tracker)
        precondition(broken.isEmpty, broken.joined(separator: "; "))
    }
    return 0
}
