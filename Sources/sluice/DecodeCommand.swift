import ArgumentParser
import Capture
import Glibc
import LinuxSystem

struct Decode: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What a capture's packets say of MPTCP: a line a packet, then its connections.",
        discussion: """
            Reads pcap and pcapng. From a pipe it prints as packets come: tcpdump -U -w - | sluice decode -
            Ends with 1 when the capture can't be read to its end; what could be read is printed.
            """)

    @Argument(help: "The capture; - is standard input.")
    var file: String
    @OptionGroup var output: JSONOption

    func run() throws {
        // `| head` ends us, whatever whoever started us thinks of such ends.
        signal(SIGPIPE, SIG_DFL)
        do {
            if file == "-" { return try decode(STDIN_FILENO) }
            let input = try open()
            try withExtendedLifetime(input) { try decode($0.rawValue) }
        } catch let error as CaptureError {
            printError("\(file == "-" ? "standard input" : file): \(error)")
            throw Sluice.Failure.atRunTime
        } catch {
            printError("\(error)")
            throw Sluice.Failure.atRunTime
        }
    }

    private func decode(_ descriptor: Int32) throws {
        let isFile = Self.isFile(descriptor)
        // Ctrl-C goes to the whole pipeline: when its other end has gone, the summary is due. A second one ends us, too.
        if !isFile { signal(SIGINT) { _ in signal(SIGINT, SIG_DFL) } }
        var decoder = Decoder(output.json ? .json : .text, flushesEachLine: !isFile)
        try decoder.run(CaptureReader(descriptor: descriptor))
    }

    private func open() throws(SystemError) -> Descriptor {
        Descriptor(owning: try systemCall("open \(file)") { Glibc.open(file, O_RDONLY | O_CLOEXEC) })
    }

    /// Else there may be a wait for the next packet.
    private static func isFile(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
}
