import LinuxSystem
import Subprocess
import SystemPackage

/// Runs the system's own tools, optionally behind a prefix like `ip netns exec NAME`.
struct Tool: Sendable {
    let prefix: [String]

    /// The standard output of the command; throws with its standard error when it fails.
    @discardableResult
    func run(_ command: String..., input: String = "") async throws(FirewallError) -> String {
        let shown = command.joined(separator: " ")
        let (status, output, complaint) = try await outcome(of: prefix + command, shown: shown, input: input)
        guard status == .exited(0) else {
            let message = complaint.isEmpty ? "\(status)" : Self.oneLine(complaint)
            throw FirewallError(command: shown, message: message, line: Self.line(named: complaint, of: input))
        }
        return output
    }

    /// Does the command end well? A tool that isn't there doesn't.
    func succeeds(_ command: String...) async -> Bool {
        let shown = command.joined(separator: " ")
        return (try? await outcome(of: prefix + command, shown: shown, input: ""))?.status == .exited(0)
    }

    /// Makes sockets, or reads settings, in the network namespace that the tools run in.
    ///
    /// - Throws: `SystemError`; ENOTSUP when the namespace has no name.
    func inNamespace<Value: Sendable>(_ body: @escaping @Sendable () throws(SystemError) -> Value) throws(SystemError)
        -> Value
    {
        guard !prefix.isEmpty else { return try body() }
        guard prefix.count >= 4, prefix.starts(with: ["ip", "netns", "exec"]) else {
            throw SystemError("enter the namespace of \(prefix.joined(separator: " "))", .notSupported)
        }
        do {
            return try NetworkNamespace(prefix[3]).run { try body() }
        } catch let error as SystemError {
            throw error
        } catch {
            preconditionFailure("only SystemError is thrown: \(error)")
        }
    }

    private func outcome(of words: [String], shown: String, input: String) async throws(FirewallError)
        -> (status: TerminationStatus, output: String, complaint: String)
    {
        do {
            // A router with containers can have rules by the ten thousand.
            let result = try await Subprocess.run(
                .name(words[0]), arguments: Arguments(Array(words.dropFirst())),
                // What they say is read here, too: never in the operator's language.
                environment: .inherit.updating(["LC_ALL": "C"]), input: .string(input),
                output: .string(limit: 64 << 20), error: .string(limit: 1 << 20))
            return (result.terminationStatus, result.standardOutput, result.standardError)
        } catch let error as SubprocessError where error.code == .executableNotFound {
            throw FirewallError(command: shown, message: "\(words[0]) not found in PATH", line: nil)
        } catch {
            throw FirewallError(command: shown, message: "\(error)", line: nil)
        }
    }

    private static func oneLine(_ text: String) -> String {
        text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }.joined(separator: "; ")
    }

    /// The tools name the line that they could not take: `line 12 failed`, `Error occurred at line: 12`,
    /// `Command failed -:12`.
    static func line(named complaint: String, of input: String) -> String? {
        let lines = input.split(separator: "\n", omittingEmptySubsequences: false)
        for sign in ["line ", "line: ", "failed -:"] {
            guard let found = complaint.firstRange(of: sign) else { continue }
            let digits = complaint[found.upperBound...].prefix { $0.isASCII && $0.isNumber }
            if let number = Int(digits), lines.indices.contains(number - 1) { return String(lines[number - 1]) }
        }
        return nil
    }
}
