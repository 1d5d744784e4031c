// Tracking: what the segments of MPTCP connections say about them. Segments and times go in; connections, subflows and
// events come out.
//
// It is pure: no clock, no kernel, no thread of its own, so that a live queue, a capture file and a fuzzer feed it
// alike. It watches and must never steer: whatever it makes of a segment, the segment goes on. It believes what both
// ends would believe who see the same segments, and holds the keys that it has seen against the tokens and HMACs; what
// doesn't fit is noted on the connection and counted.
//
//     segment ──▶ Tracker.observe ──┬─ 4-tuple ──▶ subflow ──▶ its connection
//                                   ├─ MP_JOIN's token ──▶ connection ──▶ new subflow
//                                   └─ MP_CAPABLE, SYN ──▶ new connection
//                                  ──▶ Sighting (whose segment this was), events
//
// All state is bounded. Connections are kept in three orders of idleness (embryonic, live, over); each newcomer pushes
// out the most idle of its own kind, so that SYNs, however many, cost no established connection its place. Embryonic is
// a connection until both ends have been heard, whatever one of them says; those whose beginning was not seen stay so.
//
// State machines are enums with the RFC's section beside each case: `ConnectionState`, `SubflowState`, `StreamState`.
// The Inspector feeds it with what the queues deliver, by way of SharedTracking; `sluice decode` with what a capture holds.
