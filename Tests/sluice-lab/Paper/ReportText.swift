/// The parts of the report that are about all experiments.
enum ReportText {
    static let beginning = """
        # Evaluation

        The experiments of section 3 of "Multipath TCP Proxy: Unshackling Network Nodes from Today's End-to-End Connection \
        Principle" (Pollalis, Charalampou, Sykas), repeated with Sluice in the proxy's place, and some that go beyond it. \
        The paper shows its results as figures without tables: what we compare is the shape that its text describes, not \
        absolute rates.

        This report, its plots and its figures are written by `sluice-lab paper`. Each claim below is a comparison that is \
        made with the CSV files beside this report each time it is written.
        """

    static let method = """
        ## Method

            client                          box               server
            10.1.0.2  ── wired ──▶ [hop] ──▶ Sluice ─────────▶ 10.9.0.2   plain TCP
            10.2.0.2  ── wireless ▶ [hop] ──▶

        | | the paper | here |
        |---|---|---|
        | client | Raspberry Pi Model B, Linux 3.12 with MPTCP v0.89.2 | a network namespace, the kernel's own MPTCP |
        | proxy | Squid, without its cache, on MPTCP v0.89.2, in a virtual machine | Sluice, transparent, in a namespace |
        | server | Apache 2, TCP alone | the lab's server, TCP alone, on a link of 1 Gbit/s |
        | wired link | the Pi's Ethernet | 90 Mbit/s, 1 ms each way |
        | wireless link | a Wi-Fi adapter | 25 Mbit/s, 15 ± 3 ms each way, 0.1 % of packets lost |
        | congestion control | coupled ("MPTCP's modified congestion control algorithm") | Cubic on each subflow |
        | receive memory | `tcp_rmem`'s maximum ("max memory allocation") | the client's `tcp_rmem`, and the relay's `receive_buffer`, where the experiment says so |
        | direction | download | download |

        **Links.** The paper gives no rates. A Raspberry Pi Model B has 100 Mbit/s Ethernet behind a USB 2 bus, of which 90 \
        are a fair share, and an 802.11n adapter of its time brings some 25 on the same bus. Wi-Fi repeats on the air what \
        is lost there, which shows as jitter; a packet of a thousand is lost all the same. Rates are token buckets with \
        queues of 100 ms, delay and jitter a queue in user space that keeps the order.

        **Congestion control.** The paper's kernel couples the subflows' windows (RFC 6356), so that together they take no \
        more than one TCP connection would at a shared bottleneck. Upstream Linux has no coupled congestion control: each \
        subflow runs the one that the socket has, alone. We use Cubic, what nearly every Linux machine runs, and show Reno \
        (the nearest to the coupled one, which is Reno but for its increase) and BBR beside it in \
        [Fig. 3](#fig3). Where Sluice throttles downloads it gives the connections that it holds BBR, unless it is told \
        which to use ([decision 0010](../decisions/0010-held-downloads-are-sent-by-bbr.md)); that is left as it is.

        **Buffers.** "0.18 MB" is memory as the kernel counts it, as in the paper: packets with what surrounds them. About \
        half of it or more is window.

        **Measurement.** Rates of links are bytes of packets, headers included, by the counters of the client's interfaces; \
        goodput is what the client's application has read. "Sent again" is `TcpRetransSegs` in the box, and \
        where it is said in the server; "reinjected" is `MPTcpExtMPTCPRetrans` there, data that MPTCP gave to another \
        subflow; "out of order" is `TcpExtTCPOFOQueue` and `MPTcpExtOFOQueue` in the client. Every run has a network of its \
        own. Means ± are the sample's standard deviation over the rounds.
        """

    static let threats = """
        ## Threats to validity

        - **One machine plays all parts.** Client, box, server and both links share two cores. The links are far below what \
        the cores carry, but delay is made by threads that have to get their turn: jitter on a busy machine is larger than \
        said. Absolute delays below a millisecond mean little.
        - **Links are simulated.** Token buckets, independent losses and uniform jitter lack what Wi-Fi has: rates that \
        change, bursts of loss, a medium that both directions share. No netem is used; the delay line keeps the order of \
        packets within a link, so that what is out of order is so because of different links or loss.
        - **The client isn't a Raspberry Pi.** Where the paper's client may have been short of processor time (small \
        packets, Fig. 5), ours isn't, and that effect can't show.
        - **Another MPTCP.** Scheduler, path manager, receive-buffer tuning and congestion control of upstream Linux differ \
        from v0.89.2, protocol version 1 from 0. Differences from the paper can be of the kernels and not of the proxies.
        - **The paper's figures are known to us by its text.** Rates of its links, durations and the throttle's rate are our \
        choice, so that agreement is of shape.
        - **Few rounds.** Time series are single runs. The sweeps over memory (under Cubic) and MTU, the cross traffic and \
        the users' shares have two rounds, whose mean and spread are shown; that tells noise from effect where the effect \
        is large, and not more.
        - **Throughput of bulk downloads** is nearly all that is measured. Web pages of many small objects, uploads and \
        interactive traffic may behave otherwise.
        """

    static let again = """
        ## Doing it again

            swift build -c release
            .build/release/sluice-lab paper --out /some/folder               # everything
            .build/release/sluice-lab paper --only fig4,fig7 --out /some/folder
            .build/release/sluice-lab paper --report-only --out /some/folder # plots and report from the CSV files
            gnuplot fig4-sweep.gp                                            # in the folder: one plot

        It needs root, what `Scripts/setup` installs, and two cores that have nothing else to do.
        """
}
