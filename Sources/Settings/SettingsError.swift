/// Everything that is wrong with a configuration, in the order of the file.
public struct SettingsError: Error, Hashable, CustomStringConvertible {
    /// One thing that is wrong.
    public struct Finding: Hashable, Sendable {
        /// Dotted, as in `relay.workers`; nil when the finding is about the file as a whole.
        public let key: String?
        /// From 1; nil when unknown or not applicable.
        public let line: Int?
        /// From 1; only syntax errors have one.
        public let column: Int?
        public let problem: String
        /// What the operator can do about it. For a filter, two more lines show which word is wrong.
        public let mend: String

        init(key: String? = nil, line: Int? = nil, column: Int? = nil, problem: String, mend: String) {
            self.key = key
            self.line = line
            self.column = column
            self.problem = problem
            self.mend = mend
        }
    }

    /// The path of the file, or what else the caller named the text.
    public let file: String
    public let findings: [Finding]

    init(file: String, findings: [Finding]) {
        self.file = file
        self.findings = findings
    }

    /// A finding each: `file:line: key: what is wrong; mend`.
    public var description: String {
        findings.map { finding in
            let place = [file] + [finding.line, finding.column].compactMap { $0.map { "\($0)" } }
            let parts: [String?] = [place.joined(separator: ":"), finding.key, "\(finding.problem); \(finding.mend)"]
            return parts.compactMap { $0 }.joined(separator: ": ")
        }.joined(separator: "\n")
    }
}
