// PacketTap: how packet threads note what they see, for those who ask. What is noted of a packet, which packets are asked
// for, and the rings in which records cross to the trace thread.
//
//     TraceBoard: who asks, with a PacketFilter each
//          │
//     queue thread ─ TraceTap ─ RecordRing ─▶ TraceDrain ─ trace thread     TraceRecord: fixed, no allocation
//
// What is here runs for each packet: it allocates nothing, takes no lock unless somebody has come or gone, and waits for
// nobody; a full ring costs a record, which is counted. Nobody asks: one load and one branch.
//
// It knows no format and no language: filters come as flat programs, which TraceOutput makes of what somebody has written,
// and what a record looks like to people is TraceOutput's, too. It must never decide anything.
