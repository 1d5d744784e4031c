import Testing

/// The tests' own reader of metrics finds what is wrong with them.
@Suite struct ScrapeTests {
    private static let head = "# HELP a_total A.\n# TYPE a_total counter\n"

    @Test func reads() throws {
        let histogram = """
            # HELP h H.
            # TYPE h histogram
            h_bucket{to="x",le="0.5"} 1
            h_bucket{to="x",le="+Inf"} 2
            h_sum{to="x"} 1.5
            h_count{to="x"} 2

            """
        let scrape = try Scrape(Self.head + "a_total{b=\"c \\\"\\\\}\"} 1e-06\n" + histogram)
        #expect(scrape["a_total{b=\"c \\\"\\\\}\"}"] == 1e-6)
        #expect(scrape.types == ["a_total": "counter", "h": "histogram"])
        #expect(scrape.counters.count == 5)
        let earlier = try Scrape(Self.head + "a_total 2\n")
        #expect(try Scrape(Self.head + "a_total 1\n").fallen(since: earlier) == ["a_total: 2.0"])
        #expect(try Scrape(Self.head).fallen(since: earlier) == ["a_total: 2.0"])
    }

    @Test(arguments: [
        "a_total 1\n", head + "a_total 1", head + "b 1\n", head + "a_total 1\na_total 1\n", head + "a_total x\n",
        head + "a_total -1\n", head + "a_total{b=\"c\"d\"} 1\n", head + "a_total{b=c} 1\n", head + head,
        "# HELP a A.\n# TYPE a counter\na 1\n", "# TYPE a gauge\n# HELP a A.\na 1\n", head + "\n",
        "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
        "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_sum 1\nh_count 1\n",
        "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n",
    ])
    func refuses(_ text: String) { #expect(throws: Unexpected.self) { try Scrape(text) } }
}
