import Glibc
import Lab

/// What figures depend on, for the head of a benchmark's table.
enum Machine {
    static var description: String {
        """
        processor  \(processor), \(cores) cores
        kernel     \(kernel)
        compiler   \(compiler)
        """
    }

    /// In Markdown it is set as it stands.
    static func text(as format: ReportFormat) -> String {
        let indent = format == .markdown ? "    " : ""
        return description.split(separator: "\n").map { indent + $0 }.joined(separator: "\n")
    }

    static var cores: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

    static var processor: String {
        let lines = (try? readFile("/proc/cpuinfo"))?.split(separator: "\n") ?? []
        let model = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
        return model.map { $0.drop { $0 == " " } }.map(String.init) ?? "unknown"
    }

    static var kernel: String {
        (try? readFile("/proc/sys/kernel/osrelease"))?.split(separator: "\n").first.map(String.init) ?? "unknown"
    }

    private static var compiler: String {
        #if compiler(>=6.4)
            let version = "6.4 or later"
        #else
            let version = "6.3"
        #endif
        return "Swift \(version), -O -whole-module-optimization"
    }
}
