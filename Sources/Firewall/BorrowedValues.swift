import Foundation
import Glibc
import LinuxSystem

/// The former values of borrowed sysctls, in a file below /run, which a reboot empties as it does the sysctls. One file for
/// each network namespace, by the number that the kernel gives it and no other one after it (SO_NETNS_COOKIE, Linux 5.14).
///
/// What can't be written is left out: the note among the rules is there as well.
struct BorrowedValues {
    private static let folder = "/run/sluice"

    let path: String

    /// Of the network namespace that the tools run in; nil when it can't be told.
    init?(_ tool: Tool) {
        guard let cookie = try? tool.inNamespace({ () throws(SystemError) in try NetworkNamespace.currentCookie() })
        else {
            return nil
        }
        path = "\(Self.folder)/borrowed-\(cookie)"
    }

    subscript(key: String) -> String? { values[key] }

    /// Unless another value is remembered already: that one is older.
    func remember(_ value: String, of key: String) {
        var values = values
        guard values[key] == nil else { return }
        values[key] = value
        write(values)
    }

    func forget(_ key: String) {
        var values = values
        guard values.removeValue(forKey: key) != nil else { return }
        write(values)
    }

    /// Lines of `key = value`, as `sysctl -p` reads them.
    private var values: [String: String] {
        guard let text = try? KernelFile.read(path) else { return [:] }
        let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
            let parts = line.split(separator: " = ", maxSplits: 1)
            return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
        }
        return Dictionary(pairs) { _, last in last }
    }

    private func write(_ values: [String: String]) {
        guard !values.isEmpty else {
            unlink(path)
            return
        }
        mkdir(Self.folder, 0o700)
        let lines = values.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }
        // Whole or not at all, whenever this process is killed.
        try? Data(lines.joined().utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
