import CAllocationCount
import Glibc
import LinuxSystem
import Synchronization

/// Counts what each load asks of the allocator, and holds it against what it may.
struct AllocationCheck {
    /// True when all loads keep within their allowance.
    func run(_ loads: [Load]) throws -> Bool {
        try proveThatCountingWorks()
        print("calls of the allocator by the thread that does the work, after a warm-up\n")
        var isGood = true
        for load in loads {
            let judgement = Judgement(load, try measure(load))
            print("\(judgement.isGood ? "ok  " : "FAIL")  \(judgement.text)")
            isGood = isGood && judgement.isGood
        }
        return isGood
    }

    /// `isTrapped`: aborts instead of counting.
    func measure(_ load: Load, isTrapped: Bool = false) throws -> AllocationCounts {
        let result = Mutex(AllocationCounts())
        try load.withWork { work in
            try work.run(load.warmUp)
            let thread = try work.thread.map(Self.thread(named:)) ?? allocation_count_thread()
            if isTrapped { allocation_count_trap(thread) }
            // What Swift's runtime makes when a type is used for the first time is there the second time. That may be late:
            // some things are done once a second.
            for attempt in 1...3 {
                let before = AllocationCounts(thread)
                try work.run(load.operations)
                let counts = AllocationCounts(thread) - before
                result.withLock { if attempt == 1 || counts.most < $0.most { $0 = counts } }
                guard load.allowance.isNothing, counts.most > 0 else { break }
            }
            allocation_count_trap(0)
        }
        return result.withLock { $0 }
    }

    /// A guard whose malloc is not the one that is called would find nothing to fault.
    private func proveThatCountingWorks() throws {
        // The first time Swift's runtime makes itself ready, too.
        _ = countPlanted()
        let counts = countPlanted()
        guard counts.allocations == 2, counts.releases == 1 else {
            throw GuardError("two allocations and one release were planted, and \(counts) counted")
        }
    }

    private func countPlanted() -> AllocationCounts {
        let before = AllocationCounts(allocation_count_thread())
        let object = Planted()
        let text = strdup("planted")
        use(text)
        free(text)
        let after = AllocationCounts(allocation_count_thread())
        withExtendedLifetime(object) {}
        return after - before
    }

    private static func thread(named name: String) throws -> pid_t {
        guard let tasks = opendir("/proc/self/task") else { throw GuardError("/proc/self/task can't be read") }
        defer { closedir(tasks) }
        while let entry = readdir(tasks) {
            let task = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let id = pid_t(task), (try? KernelFile.read("/proc/self/task/\(id)/comm")) == name + "\n" { return id }
        }
        throw GuardError("there is no thread \(name)")
    }
}

/// Kept from being put on the stack.
private final class Planted {
    @inline(never) init() {}
}

struct AllocationCounts: CustomStringConvertible, Sendable {
    var allocations: UInt64 = 0
    /// What another thread has asked for and this one gives back is an allocation, too.
    var releases: UInt64 = 0

    var most: UInt64 { max(allocations, releases) }

    init() {}

    init(_ thread: pid_t) {
        let counts = allocation_count_of(thread)
        (allocations, releases) = (counts.allocations, counts.releases)
    }

    static func - (left: Self, right: Self) -> Self {
        var result = Self()
        result.allocations = left.allocations - right.allocations
        result.releases = left.releases - right.releases
        return result
    }

    var description: String { "\(allocations) allocations, \(releases) releases" }
}
