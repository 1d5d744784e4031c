/// What `--experimental-dump-help` prints, as far as a page takes it (ArgumentParserToolInfo's ToolInfoV0).
struct ToolDescription: Decodable {
    let command: CommandDescription
}

struct CommandDescription: Decodable {
    let commandName: String
    let abstract: String?
    let discussion: String?
    let shouldDisplay: Bool?
    let subcommands: [CommandDescription]?
    let arguments: [ArgumentDescription]?

    /// sluice(8).
    func page(release: String) -> String {
        var page = ManualPage(
            commandName, section: 8, release: release, manual: "System Administration",
            purpose: "transparent Multipath TCP middlebox")
        page.heading("Synopsis")
        page.paragraph(synopsis([]))
        page.heading("Description")
        for text in [abstract, discussion] { if let text, !text.isEmpty { page.paragraph(text) } }
        page.heading("Options")
        for argument in shown(but: []) { page.item(argument.term, argument.meaning) }
        page.heading("Commands")
        let common = Set(shown(but: []).flatMap(\.spellings))
        for command in subcommands ?? [] where command.isShown { command.add(to: &page, [commandName], common) }
        page.heading("Files")
        page.item("/etc/sluice/sluice.toml", "The configuration; sluice.toml(5) describes it.")
        page.item("/run/sluice/control.sock", "The socket by which the daemon is asked.")
        page.item("/var/lib/sluice", "What paths with a cap have carried.")
        page.heading("See also")
        page.paragraph("sluice.toml(5), iptables(8), ip-mptcp(8), systemctl(1)")
        return page.text
    }

    private var isShown: Bool { shouldDisplay ?? true && commandName != "help" }

    private func shown(but common: Set<String>) -> [ArgumentDescription] {
        (arguments ?? []).filter { $0.shouldDisplay ?? true && common.isDisjoint(with: $0.spellings) }
    }

    private func synopsis(_ parents: [String], but common: Set<String> = []) -> String {
        let commands = (subcommands ?? []).contains(where: \.isShown) ? ["COMMAND"] : []
        return (parents + [commandName] + shown(but: common).map(\.usage) + commands).joined(separator: " ")
    }

    /// The command with all below it.
    private func add(to page: inout ManualPage, _ parents: [String], _ common: Set<String>) {
        page.subheading(synopsis(parents, but: common))
        for text in [abstract, discussion] { if let text, !text.isEmpty { page.paragraph(text) } }
        for argument in shown(but: common) { page.item(argument.term, argument.meaning) }
        for command in subcommands ?? [] where command.isShown {
            command.add(to: &page, parents + [commandName], common)
        }
    }
}

struct ArgumentDescription: Decodable {
    struct Name: Decodable {
        let kind: String
        let name: String

        var spelling: String { kind == "long" ? "--\(name)" : "-\(name)" }
    }

    let kind: String
    let names: [Name]?
    let valueName: String?
    let defaultValue: String?
    let abstract: String?
    let discussion: String?
    let isOptional: Bool?
    let isRepeating: Bool?
    let shouldDisplay: Bool?

    var spellings: [String] { (names ?? []).map(\.spelling) }

    private var value: String { (valueName ?? "value").uppercased() }

    /// As a heading of its description.
    var term: String {
        switch kind {
        case "positional": value
        case "option": "\(spellings.joined(separator: ", ")) \(value)"
        default: spellings.joined(separator: ", ")
        }
    }

    /// As in a synopsis.
    var usage: String {
        let name = spellings.last ?? ""
        let once = kind == "positional" ? value : kind == "option" ? "\(name) \(value)" : name
        let all = isRepeating ?? false ? "\(once)..." : once
        return isOptional ?? false ? "[\(all)]" : all
    }

    var meaning: String {
        let standard = defaultValue.map { "The default is \($0)." }
        return [abstract, discussion, standard].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: " ")
    }
}
