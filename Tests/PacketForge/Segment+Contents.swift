import Wire

extension Segment {
    /// What the options say, up to the first that is not sound, and what is wrong with that one. Ends the process when
    /// an option doesn't lie in the header, behind the one before it.
    public func readOptions() -> (contents: [TCPOptionContent], error: WireError?) {
        var contents: [TCPOptionContent] = []
        do throws(WireError) {
            var options = options
            var end = 0
            while let option = try options.next() {
                precondition(option.bytes.byteCount >= 2, "an option without a length")
                precondition(option.kind == option.bytes.unsafeLoad(as: UInt8.self), "an option of another kind")
                precondition(option.offset >= end, "an option inside of another")
                end = option.offset + option.bytes.byteCount
                contents.append(try option.content())
            }
            return (contents, nil)
        } catch {
            return (contents, error)
        }
    }
}
