import HandOver
import LinuxSystem

// Daemons are exchanged: SYNs that come are held undecided, those that were held before get their answers, as far as these come
// soon. What is written and adopted here is so while the thread stands still, or before it runs.

extension SYNDesk {
    /// SYNs are decided about no more, or are again, those first that have waited.
    func postpone(_ on: Bool) {
        isPostponing = on
        guard !on else { return }
        let waiting = postponed
        postponed = []
        for syn in waiting {
            syn.withPacket { packet in
                // Sent again, a SYN that is held is dropped. Gone already, it isn't put in as well.
                if decider.isSubstituted { queue.accept(packet.id) } else { decide(packet) }
            }
        }
        queue.flush()
    }

    /// While the thread stands still: what is still held goes on unconverted. It has waited for its server for longer than most
    /// take, and by the time that another daemon had dialled anew its client would send it again.
    func letGoHeld() {
        giveUpAll()
        count()
    }

    func drainMail() -> Bool {
        guard !mailbox.isEmpty else { return false }
        readMailbox()
        return true
    }

    func write(to writer: inout RecordWriter) {
        writer.write(all: postponed) { $1.write(to: &$0) }
        decider.write(to: &writer, at: MonotonicTime.now.nanoseconds)
    }

    func adopt(from reader: inout RecordReader) throws(RecordError) {
        postponed = try reader.all { (reader) throws(RecordError) in try PostponedSYN(from: &reader) }
        try decider.adopt(from: &reader, at: MonotonicTime.now.nanoseconds)
    }

    func goOn() { decider.stage = .converting }

    /// The queue is this daemon's from now on. `isSubstituted`: the SYNs that waited have gone.
    func begin(isSubstituted: Bool) {
        queue.begin(unanswered: postponed.count)
        guard isSubstituted else { return }
        for syn in postponed { queue.accept(syn.id) }
        postponed = []
        queue.flush()
    }
}
