import Glibc
import Settings
import Testing

@Suite struct FileTests {
    /// What `load` says of a file with these bytes, its path cut off; nil when it takes them.
    private func message(bytes: [UInt8]) throws -> String? {
        var path = Array("/tmp/sluice-settings-XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        try #require(descriptor >= 0)
        let name = path.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer { unlink(name) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            try #require(count > 0)
            written += count
        }
        close(descriptor)
        do {
            _ = try Settings.load(path: name)
            return nil
        } catch {
            #expect(error.description.hasPrefix(name + ":"))
            return String(error.description.dropFirst(name.count + 1))
        }
    }

    @Test func files() throws {
        #expect(try message(bytes: Array(minimal.utf8)) == nil)
        #expect(
            try message(bytes: Array((minimal + "[relay]\nworkers = 0").utf8))?.hasPrefix("3: relay.workers") == true)
        #expect(try message(bytes: Array(minimal.utf8) + [0xff]) == " not UTF-8; save it as UTF-8 text")
        let large = [UInt8](repeating: UInt8(ascii: "\n"), count: 1 << 20)
        #expect(try message(bytes: large + [10]) == " larger than 1 MiB; name a configuration file")
        #expect(try message(bytes: large.dropLast(minimal.utf8.count) + Array(minimal.utf8)) == nil)
    }

    @Test(arguments: [
        ("/nonexistent/s.toml", "can't be read: No such file or directory; create it, or name another file"),
        ("/tmp", "can't be read: Is a directory; name a file that may be read"),
        ("/dev/null/s.toml", "can't be read: Not a directory; name a file that may be read"),
        ("/dev/zero", "larger than 1 MiB; name a configuration file"),
    ])
    func unreadable(path: String, problem: String) throws {
        let error = try #require(throws: SettingsError.self) { try Settings.load(path: path) }
        #expect(error.description == "\(path): \(problem)")
    }
}
