import Testing

@testable import Settings

@Suite struct KeyLinesTests {
    @Test func tablesAndKeys() {
        let lines = KeyLines("a = 1\n\n[b]\nc = 2 # [x]\n  d\t= 'e = 5'\n[ f . g ]\nh = 3\n[[i]]\nj = 1\n[[i]]\n")
        #expect(lines[["a"]] == 1)
        #expect(lines[["b"]] == 3)
        #expect(lines[["b", "c"]] == 4)
        #expect(lines[["b", "d"]] == 5)
        #expect(lines[["f"]] == 6)
        #expect(lines[["f", "g", "h"]] == 7)
        #expect(lines[["i"]] == 8)
        #expect(lines[["i", "0"]] == 8)
        #expect(lines[["i", "0", "j"]] == 9)
        #expect(lines[["i", "1"]] == 10)
        #expect(lines[["x"]] == nil)
        #expect(lines[["b", "e"]] == nil)
    }

    @Test func arraysOfTables() {
        let lines = KeyLines("[[a]]\nb = 1\n[[a.c]]\nd = 1\n[[a.c]]\nd = 2\n[[a]]\n\nb = 2\n[a.e]\nf = 1\n[g]\nb = 3\n")
        let places: [([String], Int)] = [
            (["a"], 1), (["a", "0"], 1), (["a", "0", "b"], 2), (["a", "0", "c", "0", "d"], 4),
            (["a", "0", "c", "1", "d"], 6), (["a", "1"], 7), (["a", "1", "b"], 9), (["a", "1", "e", "f"], 11),
            (["g", "b"], 13),
        ]
        for (path, line) in places { #expect(lines[path] == line, "\(path)") }
        let inline = KeyLines("a = [\n  { b = 1 },\n  { b = 2, c = [3] },\n]\n")
        #expect(inline[["a", "0", "b"]] == 2)
        #expect(inline[["a", "1"]] == 3)
        #expect(inline[["a", "1", "c"]] == 3)
    }

    @Test func dottedAndQuotedKeys() {
        let lines = KeyLines("a.b = 1\n\"c d\".'e.f' = 2\n\"g\" = 3\n'' = 4\n[\"h]\"]\ni = 5\n")
        #expect(lines[["a"]] == 1)
        #expect(lines[["a", "b"]] == 1)
        #expect(lines[["c d", "e.f"]] == 2)
        #expect(lines[["g"]] == 3)
        #expect(lines[[""]] == 4)
        #expect(lines[["h]", "i"]] == 6)
    }

    @Test func valuesOverSeveralLines() {
        let text = #"""
            a = """
            x = 1 \""" " ""
            """""
            b = '''
            y = 2'''
            c = [ # ]
              "]", '[', [1,
              2], +0x0F_f , -1e-5 ]
            d = { e = 1, f.g = [ { z = 1 } ], h = "}" }
            i = "\"" # "
            j = '\'
            k = true
            """#
        let lines = KeyLines(text)
        #expect(["a", "b", "c", "d", "i", "j", "k"].map { lines[[$0]] } == [1, 4, 6, 9, 10, 11, 12])
        #expect(lines[["d", "e"]] == 9)
        #expect(lines[["d", "f", "g", "0", "z"]] == 9)
        #expect(lines[["d", "h"]] == 9)
        #expect(lines[["x"]] == nil)
        #expect(lines[["y"]] == nil)
    }

    @Test func carriageReturnsAndByteOrderMark() {
        let lines = KeyLines("\u{feff}a = 1\r\n[b]\r\nc = [\r\n1]\r\nd = 2\r\n")
        #expect(lines[["a"]] == 1)
        #expect(lines[["b", "c"]] == 3)
        #expect(lines[["b", "d"]] == 5)
    }

    @Test func anyTextEndsTheScan() {
        let whole = "[a]\nb = [1, {c = \"\\\"\"}, '''x''']\n\"d\".e = \"\"\"f\"\"\" # g\n"
        let bytes = Array(whole.utf8)
        for start in bytes.indices {
            for end in start...bytes.count { _ = KeyLines(String(decoding: bytes[start..<end], as: UTF8.self)) }
        }
    }
}
