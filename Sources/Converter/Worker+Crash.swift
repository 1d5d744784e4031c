import HandOver
import LinuxSystem
import Wire

// What a worker keeps of its sessions for the case that the daemon dies, and how it takes up those of one that has.

extension Worker {
    /// Has a session found again after a crash, now that both sides are there.
    func keep(_ session: Session) {
        guard let register, session.phase == .relaying || session.phase == .closing, var record = session.record,
            let client = session.client?.socket.rawValue, let server = session.server?.socket.rawValue
        else { return }
        record.phase = .relaying
        // What is in memory that isn't shared, or changes without its being noted here.
        (record.toServer, record.toClient) = (.init(), .init())
        record.client = .init()
        record.server = .init()
        record.isDeafToClient = false
        record.isServerPaced = false
        record.notes.subflows = []
        var writer = RecordWriter()
        record.write(to: &writer)
        register.keep(session.slot, writer.bytes, client: client, server: server)
        for (direction, waiting) in [session.toServer.waiting, session.toClient.waiting].enumerated() {
            if let waiting { register.noteWaiting(session.slot, direction, in: waiting.buffer, from: waiting.base) }
        }
    }

    /// From here on it is reset by a crash.
    func forget(_ session: Session) { register?.forget(session.slot) }

    /// Takes up a session whose daemon has died; false: it is over.
    func adopt(salvaged record: SessionRecord, client: consuming StreamSocket, server: consuming StreamSocket) -> Bool {
        // Since its buffers' limits and its ears are not known, they are as at the beginning.
        _ = server.setDeafToProbes(false)
        if shared.receiveMemory != nil {
            client.limitReceiving(to: nil)
            server.limitReceiving(to: nil)
        }
        var ofClient: StreamSocket? = client
        var ofServer: StreamSocket? = server
        let result = Result { () throws(SystemError) in
            try adopt(record, client: ofClient.take(), server: ofServer.take())
        }
        guard case .failure(let error) = result else { return true }
        shared.log.error("\(record.tuple): \(error)")
        return false
    }
}
