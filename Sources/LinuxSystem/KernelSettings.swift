import CLinux
import Glibc
import SystemPackage

/// Files under /proc: sysctls and tables. They report a size of 0, and are small.
public enum KernelFile {
    public static func read(_ path: String) throws(SystemError) -> String {
        let file = Descriptor(owning: try systemCall("open \(path)") { open(path, O_RDONLY | O_CLOEXEC) })
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = try systemCall("read \(path)") { Glibc.read(file.rawValue, &chunk, chunk.count) }
            if count == 0 { return String(decoding: content, as: UTF8.self) }
            content += chunk[..<count]
        }
    }

    public static func write(_ path: String, _ value: String) throws(SystemError) {
        let file = Descriptor(owning: try systemCall("open \(path)") { open(path, O_WRONLY | O_CLOEXEC) })
        try systemCall("write \(value) to \(path)") { Glibc.write(file.rawValue, value, value.utf8.count) }
    }
}

/// A sysctl by its dotted name, e.g. `net.mptcp.enabled`. A `/` in place of a dot keeps interface names with dots whole.
public enum Sysctl {
    public static func read(_ name: String) throws(SystemError) -> String {
        let value = try KernelFile.read(path(name))
        return String(value.prefix { $0 != "\n" })
    }

    public static func write(_ name: String, _ value: String) throws(SystemError) {
        try KernelFile.write(path(name), value)
    }

    private static func path(_ name: String) -> String {
        "/proc/sys/" + (name.contains("/") ? name : String(name.map { $0 == "." ? "/" : $0 }))
    }
}

/// Network interfaces by name and index.
public enum NetworkInterface {
    /// nil when there is none of that name in the network namespace of the calling thread.
    public static func index(_ name: String) -> UInt32? {
        let index = if_nametoindex(name)
        return index == 0 ? nil : index
    }

    /// Sets the interface up, in the network namespace of the calling thread.
    public static func bringUp(_ name: String) throws(SystemError) {
        try systemCall("bring up \(name)") { sluice_interface_up(name) }
    }

    public static func name(_ index: UInt32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { buffer in
            if_indextoname(index, buffer.baseAddress!).map { String(cString: $0) }
        }
    }
}

/// The limits and rights of this process.
public enum ProcessRights {
    /// Raises the soft limit of open descriptors to the hard one and returns it.
    public static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }

    /// Is the capability in the effective set? Numbers as in linux/capability.h (CAP_NET_ADMIN is 12).
    public static func hasCapability(_ number: Int) -> Bool {
        guard let status = try? KernelFile.read("/proc/self/status"),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }),
            let set = UInt64(line.drop { $0 != "\t" }.dropFirst(), radix: 16)
        else { return false }
        return set >> UInt64(number) & 1 == 1
    }
}
