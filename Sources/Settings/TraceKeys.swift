// The keys of `[trace]`.

import TraceOutput

extension Settings.Trace {
    /// Without `file` the rest waits for it: who takes that line out has switched the trace off.
    mutating func read(_ section: Section) {
        section.read(&file, "file", .filePath)
        section.read(&format, "format", .choice())
        section.read(&rotateSize, "rotate_size", .size(ByteCount(bytes: 64 << 10)...ByteCount(bytes: 1 << 40)))
        section.read(&rotateCount, "rotate_count", .integer(1...1000))
        section.read(&filter, "filter", .traceFilter)
    }
}

extension Form where Value == TraceFilter {
    fileprivate static var traceFilter: Form {
        Form("a filter such as \"client 10.1.0.0/16 and port 443\"") { node throws(Mismatch) in
            guard let text = node.string else { throw .type(of: node) }
            do throws(TraceFilterError) {
                return try TraceFilter(text)
            } catch {
                let picture = error.picture.split(separator: "\n").map { "\n    \($0)" }.joined()
                throw Mismatch(problems: [error.problem], mend: error.mend + picture)
            }
        }
    }
}
