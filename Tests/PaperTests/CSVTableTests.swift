import Testing

@testable import sluice_lab

struct CSVTableTests {
    private static var table: CSVTable {
        var table = CSVTable(["run", "mbits"])
        table.append(["a", "1.5"])
        table.append(["b", ""])
        table.append(["a", "2.5"])
        return table
    }

    @Test func whatIsWrittenIsRead() throws {
        #expect(Self.table.text == "run,mbits\na,1.5\nb,\na,2.5\n")
        #expect(try CSVTable(Self.table.text, name: "x.csv") == Self.table)
    }

    @Test func columnsAndRows() throws {
        #expect(try Self.table.only("run", "a").numbers("mbits") == [1.5, 2.5])
        #expect(try Self.table.distinct("run") == ["a", "b"])
        #expect(try Self.table.mean("mbits", of: "a") == 2)
        #expect(try Self.table.numbers("mbits")[1].isNaN, "an empty cell")
        #expect(try Self.table.mean("mbits", of: "nobody").isNaN)
    }

    @Test func meansOfATime() throws {
        var series = CSVTable(["seconds", "x"])
        for second in 1...4 { series.append(["\(second)", "\(second * 10)"]) }
        #expect(try series.mean("x", from: 1, to: 3) == 25, "the first instant isn't in it, the last is")
    }

    @Test func spansOfRounds() throws {
        var table = CSVTable(["run", "x", "y"])
        for (run, x, y) in [("s-1", "1", "10"), ("s-2", "2", "5"), ("s-1", "1", "20"), ("other", "9", "9")] {
            table.append([run, x, y])
        }
        let spans = try table.spans("s-", "x", ["y"])
        #expect(spans.columns == ["x", "y", "y_least", "y_most"])
        #expect(spans.rows == [["1", "15.00", "10.00", "20.00"], ["2", "5.00", "5.00", "5.00"]])
    }

    @Test func errorsNameThePlace() {
        #expect(throws: CSVError(description: "there is no column loss among run, mbits")) {
            try Self.table.texts("loss")
        }
        #expect(throws: CSVError(description: "column run: a is no number")) { try Self.table.numbers("run") }
        #expect(throws: CSVError(description: "x.csv: the file is empty")) { try CSVTable("", name: "x.csv") }
        let short = CSVError(description: "x.csv:3: 1 values where 2 are due; measure that experiment anew")
        #expect(throws: short) { try CSVTable("a,b\n1,2\n3\n", name: "x.csv") }
    }
}
