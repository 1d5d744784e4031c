// TraceOutput: packets and connections in words. On the trace thread and in `sluice decode`, segments, their options and what
// the tracker has made of them become lines, as JSON or as text for people, or records become pcapng. At the end of a
// capture, a summary of the connections. Also the words in which somebody says which packets a trace is to show.
//
// It knows no file, no descriptor and no clock: bytes are appended to a buffer that the caller empties, and every time
// is passed in. The buffer is used again and nothing is allocated for a line, so that a live trace of every packet can
// use what `sluice decode` uses. It must never decide anything: what a line says, somebody else has found out. Nothing of it
// is on the packet path; what that writes is PacketTap's TraceRecord.
//
//     TraceRecord ─▶ PcapngWriter                    blocks; PacketDecision is our custom option, SteeringEvent our entry
//     TraceLines ──┬─ JSONText ──▶ TextBuffer      one object a line; docs/decode.md has the fields
//                  └──────────────▶ TextBuffer      one line a packet, in the spirit of tcpdump
//
//     TraceFilter  ─▶ PacketFilter                   docs/trace-filter.md has the language
//
// The names of fields are those of RFC 8684, in snake_case. Numbers that a JSON reader with floating-point numbers
// would spoil (above 2^53) are strings.
//
// CopyFilter is beside that: which packets of a capture are copies of others, as a router's are when it captures them
// coming in and going out. The command line asks it before it feeds the tracker.
