/// When a log file is put aside. Pure.
struct Rotation: Hashable {
    /// Bytes that a file may have.
    let limit: Int

    /// How many of the next lines, of these lengths, go into a file that has so many bytes; 0: it is put aside first. A file that is
    /// empty takes a line however long it is.
    func fitting(_ lengths: some Sequence<Int>, into size: Int) -> Int {
        var (total, count) = (size, 0)
        for length in lengths {
            guard total + length <= limit || total == 0 else { break }
            total += length
            count += 1
        }
        return count
    }
}
