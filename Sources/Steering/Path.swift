public import Wire

/// A way that clients' subflows take to the box: an access link, told apart by the interface or by the clients'
/// addresses.
public struct Path: Hashable, Sendable {
    /// Which subflows take it.
    public enum Selector: Hashable, Sendable {
        /// Those whose client's packets come in there. What the interface counts is the path's traffic.
        case interface(String)
        /// Those of these client addresses. Only the traffic of connections that end at the box is known of it.
        case clients([IPPrefix])
    }

    /// What operators call it; steering rules and throttles name it.
    public var name: String
    public var selector: Selector
    /// Bits per second; nil where it is to be learned.
    public var capacity: PathRates<UInt64?>
    /// Of two paths that serve equally well, the one of less cost is preferred.
    public var cost: Int
    /// How much it may carry in a period, both ways; nil: as much as it can.
    public var cap: VolumeCap?
    /// How much each client may carry on it in a period, both ways; nil: as much as it can.
    public var clientCap: VolumeCap?

    public init(
        name: String, selector: Selector, capacity: PathRates<UInt64?> = PathRates(download: nil, upload: nil),
        cost: Int = 1, cap: VolumeCap? = nil, clientCap: VolumeCap? = nil
    ) {
        self.name = name
        self.selector = selector
        self.capacity = capacity
        self.cost = cost
        self.cap = cap
        self.clientCap = clientCap
    }

    /// Does a subflow of this client, whose packets come in by this interface, take the path?
    public func carries(_ tuple: FourTuple, interface: String?) -> Bool {
        switch selector {
        case .interface(let name): name == interface
        case .clients(let prefixes): prefixes.contains { $0.contains(tuple.client.address) }
        }
    }
}

/// One value for each direction, as the client sees them.
public struct PathRates<Value> {
    public var download: Value
    public var upload: Value

    public init(download: Value, upload: Value) {
        self.download = download
        self.upload = upload
    }

    public func map<Other>(_ transform: (Value) -> Other) -> PathRates<Other> {
        PathRates<Other>(download: transform(download), upload: transform(upload))
    }
}

extension PathRates: Sendable where Value: Sendable {}
extension PathRates: Equatable where Value: Equatable {}
extension PathRates: Hashable where Value: Hashable {}

extension PathRates where Value == Double {
    static let zero = PathRates(download: 0, upload: 0)

    static func + (left: Self, right: Self) -> Self {
        Self(download: left.download + right.download, upload: left.upload + right.upload)
    }
}

/// A volume that may be used up in each period.
public struct VolumeCap: Hashable, Sendable {
    public enum Period: String, Hashable, Sendable, CaseIterable {
        case day, week, month
    }

    public var bytes: UInt64
    public var period: Period

    public init(bytes: UInt64, period: Period) {
        self.bytes = bytes
        self.period = period
    }
}
