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
        #expect(lines[["i", "j"]] == 9)
        #expect(lines[["x"]] == nil)
        #expect(lines[["b", "e"]] == nil)
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
        #expect(lines[["d", "f", "g"]] == 9)
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
