import Testing

@testable import Throttling
