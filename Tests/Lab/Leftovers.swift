import Glibc
import LinuxSystem
import Synchronization

/// Removing what labs leave: our own at teardown, and those of processes that were killed before they could.
enum Leftovers {
    static let directoryPrefix = "/tmp/"

    /// Removes the labs of processes that are gone.
    static func sweep() {
        let stale = directoryEntries("/run/netns").filter(isOrphan)
        remove(namespaces: stale, directory: nil)
        for name in directoryEntries(directoryPrefix).filter(isOrphan) { removeTree(directoryPrefix + name) }
    }

    /// Is this `sluice-PID-N…` of a process that no longer exists?
    private static func isOrphan(_ name: String) -> Bool {
        let parts = name.split(separator: "-")
        guard parts.count >= 3, parts[0] == "sluice", let pid = pid_t(parts[1]), Int(parts[2]) != nil else {
            return false
        }
        return kill(pid, 0) != 0 && errno == ESRCH
    }

    /// Kills every process in the namespaces, then deletes them, what daemons in them have left below /run and, if given, the
    /// directory.
    static func remove(namespaces: [String], directory: String?) {
        let paths = namespaces.map { NetworkNamespace($0).path }
        killProcesses(in: paths)
        for name in namespaces {
            // The values of sysctls, which go with the namespace (Firewall/BorrowedValues.swift).
            guard let cookie = try? NetworkNamespace(name).run({ try NetworkNamespace.currentCookie() }) else {
                continue
            }
            unlink("/run/sluice/borrowed-\(cookie)")
        }
        for path in paths {
            umount2(path, Int32(MNT_DETACH))
            unlink(path)
        }
        if let directory { removeTree(directory) }
    }

    /// As `ip netns pids`, until there is none: a process may fork while it is looked for.
    private static func killProcesses(in paths: [String]) {
        let inodes = Set(paths.compactMap(inode))
        guard !inodes.isEmpty else { return }
        for _ in 0..<500 {
            let pids = directoryEntries("/proc").compactMap { pid_t($0) }.filter { pid in
                inode("/proc/\(pid)/ns/net").map(inodes.contains) ?? false
            }
            if pids.isEmpty { return }
            pids.forEach { kill($0, SIGKILL) }
            usleep(2000)
        }
    }

    /// A namespace's identity; nil for a zombie, which has left its namespaces.
    private static func inode(_ path: String) -> ino_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_ino : nil
    }

    /// unlink(2) refuses directories.
    private static func removeTree(_ path: String) {
        guard unlink(path) != 0 else { return }
        directoryEntries(path).forEach { removeTree("\(path)/\($0)") }
        rmdir(path)
    }
}

/// The labs that are up, for the signal handler.
enum LiveLabs {
    private static let labs = Mutex<[String: Lab]>([:])

    static func add(_ lab: Lab) { labs.withLock { $0[lab.name] = lab } }
    static func remove(_ lab: Lab) { labs.withLock { _ = $0.removeValue(forKey: lab.name) } }

    static func tearDownAll() {
        for lab in labs.withLock({ Array($0.values) }) { lab.tearDownNow() }
    }
}
