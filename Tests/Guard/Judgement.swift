/// What has been counted for a load, and whether it may be so.
struct Judgement {
    let isGood: Bool
    let text: String

    init(_ load: Load, _ counts: AllocationCounts) {
        let most = counts.most
        let found = "\(load.name): \(counts) in \(load.operations) operations"
        switch load.allowance {
        case .nothing:
            isGood = most == 0
            text =
                found
                + (isGood
                    ? ""
                    : "; none is allowed: gdb -batch -ex run -ex bt --args sluice-guard --trap \(load.name) shows where")
        case .perOperation(let limit, let reason):
            // One may have been under way when counting began.
            isGood = Double(most) <= limit * Double(load.operations + 1)
            text = found + "; \(limit) for each are allowed: \(reason)"
        }
    }
}
