import Foundation
import Testing

@testable import sluice_manual

@Suite struct ManualTests {
    @Test(arguments: [
        ("a-b", "a\\-b"), ("C:\\x", "C:\\ex"), ("it's `so` ~ ^", "it\\(aqs \\(gaso\\(ga \\(ti \\(ha"),
        ("two\nlines…", "two lines..."),
    ])
    func plainTextStaysAsItIs(_ text: String, _ expected: String) { #expect(ManualPage.escaped(text) == expected) }

    @Test(arguments: [
        ("`a-b` and **c**", "\\fBa\\-b\\fR and \\fBc\\fR"), ("see [the `x` page](x.md#y).", "see the \\fBx\\fR page."),
        ("*bytes* a second", "\\fIbytes\\fR a second"), ("2 * 3 * 4", "2 * 3 * 4"), ("[a, b]", "[a, b]"),
    ])
    func marksOfMarkdownBecomeFonts(_ text: String, _ expected: String) {
        #expect(ManualPage.rendered(text) == expected)
    }

    @Test func noLineOfTextIsTakenForARequest() {
        var page = ManualPage("x", section: 5, release: "1", manual: "M", purpose: "p")
        page.paragraph(".so /etc/passwd")
        page.example(["'br", ".sy rm"])
        let requests = page.text.split(separator: "\n").filter { $0.hasPrefix(".") }.map { $0.split(separator: " ")[0] }
        #expect(requests == [".TH", ".nh", ".ad", ".SH", ".PP", ".PP", ".RS", ".nf", ".fi", ".RE"])
    }

    @Test func blocks() {
        let document = """
            # Title

            One
            paragraph.
            - an item
              of two lines
            - another

            ```toml
            a = 1
            ```

            ## `[table]`: what

            | key | default |
            |---|---|
            | `a` | `"x"` \\| none |

                as it is
            """
        #expect(
            MarkdownBlock.blocks(of: document) == [
                .heading(1, "Title"), .paragraph("One paragraph."), .bullet("an item of two lines"),
                .bullet("another"), .verbatim(["a = 1"]), .heading(2, "[table]: what"), .row(["a", "`\"x\"` | none"]),
                .verbatim(["as it is"]),
            ])
    }

    @Test func commandsWithWhatTheyTake() throws {
        let json = """
            {"command": {"commandName": "sluice", "abstract": "A box.", "arguments": [
                {"kind": "flag", "names": [{"kind": "short", "name": "h"}, {"kind": "long", "name": "help"}], "isOptional": true,
                 "abstract": "Show help."}],
             "subcommands": [
                {"commandName": "help"}, {"commandName": "secret", "shouldDisplay": false},
                {"commandName": "rules", "abstract": "Rules.", "subcommands": [
                    {"commandName": "show", "abstract": "Print.", "discussion": "All of it.", "arguments": [
                        {"kind": "flag", "names": [{"kind": "long", "name": "help"}], "isOptional": true},
                        {"kind": "option", "names": [{"kind": "long", "name": "config"}], "valueName": "config",
                         "defaultValue": "/x", "isOptional": true, "abstract": "The file."},
                        {"kind": "positional", "valueName": "name", "isRepeating": true}]}]}]}}
            """
        let page = try JSONDecoder().decode(ToolDescription.self, from: Data(json.utf8)).command.page(release: "9.8")
        for part in [
            ".TH \"SLUICE\" \"8\" \"\" \"Sluice 9.8\" \"System Administration\"\n", "\nsluice [\\-\\-help] COMMAND\n",
            ".TP\n\\fB\\-h, \\-\\-help\\fR\nShow help.\n", ".SS \"sluice rules COMMAND\"\n.PP\nRules.\n",
            ".SS \"sluice rules show [\\-\\-config CONFIG] NAME...\"\n.PP\nPrint.\n.PP\nAll of it.\n",
            ".TP\n\\fB\\-\\-config CONFIG\\fR\nThe file. The default is /x.\n",
        ] { #expect(page.contains(part), "\(part)") }
        #expect(!page.contains("secret"))
        #expect(page.ranges(of: "\\-\\-help").count == 2)
    }

    /// Each key of docs/configuration.md has its entry.
    @Test func everySettingHasItsEntry() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let document = try String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)
        let page = settingsPage(document, release: "1")
        let keys = document.matches(of: /\n\| `(\w+)` \|/).map { String($0.1) }
        #expect(keys.count > 60)
        let entries = page.matches(of: /\n\.TP\n\\fB(\w+)\\fR\n/).map { String($0.1) }
        #expect(entries == keys)
        #expect(!page.contains("]("))
        #expect(!page.contains("**"))
    }
}
