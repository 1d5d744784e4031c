// Capture: packets out of a capture file. pcap and pcapng, of either byte order, from a file, a pipe or memory; and
// where in a captured frame the IP packet begins.
//
// It knows file formats and link layers and nothing else: no TCP, no connections, no clock, no names of files. The
// bytes of an IP packet are for Wire to read. It must never know who captured, or what for; what it can't read it names,
// with the offset in the file, and it never guesses where the next packet might begin.
//
// It works on streams: a packet is handed out as soon as its last byte has arrived, which is what makes
// `tcpdump --immediate-mode -U -w - | sluice decode -` live, and nothing is kept but the record at hand and what
// describes the interfaces. All bytes are hostile: a length is believed only below a limit, and memory grows with what
// has arrived, not with what was announced.
//
// The reader finds the record (PcapReading, PcapngReading), next() lends it as a CapturedPacket, and its LinkFrame has
// the IP packet. The command line calls it to decode; tests and fuzzing feed it from memory.
