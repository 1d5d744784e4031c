import Testing
import TraceOutput

/// What is said of wrong filters, and where it points.
@Suite struct TraceFilterErrorTests {
    @Test(arguments: [
        """
        unknown word "prot"; did you mean port?
        syn and prot 443
                ^~~~
        """,
        """
        unknown word "zebra"; see docs/trace-filter.md for those that there are
        zebra
        ^~~~~
        """,
        """
        unknown word "src"; write client, server or from client
        (src 10.1.0.2)
         ^~~
        """,
        """
        unknown word "tcp"; leave it out: a trace is of TCP anyway
        tcp port 80
        ^~~
        """,
        """
        "port" is incomplete; give a number up to 65535, or a range such as 8000-8999 after it
        not port
            ^~~~
        """,
        """
        "client" is incomplete; give an address or prefix such as 10.1.0.0/16 or 2001:db8::/32 after it
        client and syn
        ^~~~~~
        """,
        """
        "http" is not a port; give a number up to 65535, or a range such as 8000-8999
        port http
             ^~~~
        """,
        """
        "90-80" is not a port; give a number up to 65535, or a range such as 8000-8999
        server port 90-80
                    ^~~~~
        """,
        """
        "10.1.0.0/33" is not an address or prefix; give an address or prefix such as 10.1.0.0/16 or 2001:db8::/32
        host 10.1.0.0/33
             ^~~~~~~~~~~
        """,
        """
        "10.1.0.0/8" has bits beyond its length; write 10.0.0.0/8
        host 10.1.0.0/8
             ^~~~~~~~~~
        """,
        """
        "443" is not an address or prefix; write server port 443 if a port is meant
        server 443
               ^~~
        """,
        """
        "0x190cd00d7" is not a token; give a number of 32 bits such as 0x90cd00d7
        token 0x190cd00d7
              ^~~~~~~~~~~
        """,
        """
        "sixteen_bytes_16" is not an interface's name; give a name of up to 15 bytes such as lan0
        interface sixteen_bytes_16
                  ^~~~~~~~~~~~~~~~
        """,
        """
        there is no interface "lan9"; name one of those that `ip link` shows
        syn or (interface lan9)
                          ^~~~
        """,
        """
        unknown word "dorp"; did you mean drop?
        verdict dorp
                ^~~~
        """,
        """
        unknown word "me"; give client or server
        from me
             ^~
        """,
        """
        "443" says nothing by itself; write port 443
        port 80 or 443
                   ^~~
        """,
        """
        "10.9.0.2" says nothing by itself; write host 10.9.0.2, client 10.9.0.2 or server 10.9.0.2
        !10.9.0.2
         ^~~~~~~~
        """,
        """
        a condition is missing after "and"; give one such as port 443 or mp_join
        syn and
            ^~~
        """,
        """
        a condition is missing before "or"; give one such as port 443 or mp_join
        syn and or fin
                ^~
        """,
        """
        a condition is missing before ")"; give one such as port 443 or mp_join
        syn or ()
                ^
        """,
        """
        "and" or "or" is missing before "fin"; add one of them
        syn fin
            ^~~
        """,
        """
        "and" or "or" is missing before "("; add one of them
        (syn (fin))
             ^
        """,
        """
        unknown word "adn"; did you mean and?
        port 80 adn syn
                ^~~
        """,
        """
        unknown word "|"; did you mean ||?
        syn|fin
           ^
        """,
        """
        "(" is never closed; add ")"
        syn or (fin and (rst)
               ^
        """,
        """
        ")" closes nothing; remove it, or add "("
        (syn or fin)) and ack
                    ^
        """,
    ])
    func pointsAtTheWord(description: String) {
        let expression = String(description.split(separator: "\n")[1])
        #expect(complaint(expression) == description)
    }

    @Test func partsOfAnError() throws {
        let error = try #require(throws: TraceFilterError.self) { try TraceFilter("syn or prot 1") }
        #expect(error.problem == "unknown word \"prot\"")
        #expect(error.mend == "did you mean port?")
        #expect(error.message == "unknown word \"prot\"; did you mean port?")
        #expect(error.text == "syn or prot 1")
        #expect(error.range == 7..<11)
        #expect(error.picture == "syn or prot 1\n       ^~~~")
    }

    /// Three lines, whatever the text has in it.
    @Test func blanksAndControlCharacters() {
        #expect(
            complaint("syn\r\nand\tfi\u{1b}[1m\u{202e}") == """
                unknown word "fi?[1m?"; see docs/trace-filter.md for those that there are
                syn and fi?[1m?
                        ^~~~~~~
                """)
    }

    @Test func longFiltersAreCut() {
        let hosts = String(repeating: "client 10.1.0.2 or ", count: 10)
        #expect(
            complaint("\(hosts)prot 80 or \(hosts)syn") == """
                unknown word "prot"; did you mean port?
                …10.1.0.2 or client 10.1.0.2 or client 10.1.0.2 or prot 80 or client 10.1.0.2 or client 10.1.0.2 or c…
                                                                   ^~~~
                """)
        let long = String(repeating: "x", count: 200)
        #expect(
            complaint(long) == """
                unknown word "\(long.prefix(40))…"; see docs/trace-filter.md for those that there are
                \(long.prefix(100))…
                ^\(String(repeating: "~", count: 99))
                """)
    }
}
