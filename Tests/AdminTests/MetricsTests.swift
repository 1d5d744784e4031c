import Admin
import Testing

struct MetricsTests {
    @Test func countersAndGauges() {
        var metrics = MetricsText()
        metrics.counter("a_total", "Counts a.", 3)
        metrics.gauge("b", "One line,\nand a \\.", -2)
        #expect(
            metrics.text == """
                # HELP a_total Counts a.
                # TYPE a_total counter
                a_total 3
                # HELP b One line,\\nand a \\\\.
                # TYPE b gauge
                b -2

                """)
    }

    @Test func labelsAreEscaped() {
        var metrics = MetricsText()
        metrics.family("c", .gauge, "C.") { family in
            family.add(1, [("name", "a\"b\\c\nd"), ("other", "x")])
            family.add(0.5, [("name", "")])
        }
        #expect(metrics.text.hasSuffix("\nc{name=\"a\\\"b\\\\c\\nd\",other=\"x\"} 1\nc{name=\"\"} 0.5\n"))
    }

    @Test func aHistogramEndsWithAll() {
        var metrics = MetricsText()
        metrics.family("d_seconds", .histogram, "D.") { family in
            family.add(
                buckets: [(1 << 10, 1), (1 << 30, 4)], count: 5, nanoseconds: 2_500_000_000, [("to", "client")])
        }
        #expect(
            metrics.text == """
                # HELP d_seconds D.
                # TYPE d_seconds histogram
                d_seconds_bucket{to="client",le="1.024e-06"} 1
                d_seconds_bucket{to="client",le="1.073741824"} 4
                d_seconds_bucket{to="client",le="+Inf"} 5
                d_seconds_sum{to="client"} 2.5
                d_seconds_count{to="client"} 5

                """)
    }
}
