// HandOver: how a running daemon passes all that it has to another one that takes its place, decided apart from the doing:
//
//     giving (old)                              taking (new)
//     waiting ◀──────────── hello: version ──── started with --take-over, its file is right
//        │ ─────────────── offer: queues … ───▶ preparing: everything is made that needs no standstill
//     waiting ◀──────────────────── prepared ── waiting
//     frozen: turns have ended
//        │ ───────────────── record, in pieces ▶ adopting
//     waiting ◀─────────────────────── ready ── waiting
//     committed ────────────────────── commit ▶ waiting
//        │ ───────────────────────────── cleared ▶ at work
//        │ ◀──────────────────────────── begun ─┘
//
// Whatever else happens before the commit, or nothing for too long, ends it: the new one goes, and the old one goes on as if
// nothing had been. The two sides are state machines without clock or socket (`GivingSide`, `TakingSide`).
//
// What is passed is a record of sections, each of which belongs to a module that writes and reads it (`RecordWriter`,
// `RecordReader`), and beside it descriptors, in the order of the sections. A reader refuses what it doesn't know: a record is
// taken whole or not at all. `HandOverRecord.version` changes with any change of any section.
