import Testing

@testable import TrafficControl
