import Admin
import Foundation
import Testing

/// The names that programs rely on.
@Suite struct ReportTests {
    @Test func everyNameIsThereAlsoWithoutAValue() throws {
        let report = ConnectionReport(
            mode: "converted", token: nil, client: "10.1.0.2:54738", server: "10.9.0.2:80", state: "dialling",
            upstream: .init(local: nil, protocol: "tcp"), bytesToClient: 1, bytesToServer: 2, ageUs: 3,
            subflows: [
                .init(
                    id: 1, local: "10.9.0.2:80", remote: "10.1.0.2:54738", localId: nil, remoteId: 2, interface: nil,
                    state: "established", backup: false, class: nil, bytesToClient: 4, bytesToServer: 5,
                    bytesRetrans: 7, rttUs: nil
                )
            ])
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(report), as: UTF8.self)
        #expect(
            text == """
                {"age_us":3,"bytes_to_client":1,"bytes_to_server":2,"client":"10.1.0.2:54738","mode":"converted","server":"10.9.0.2:80",\
                "state":"dialling","subflows":[{"backup":false,"bytes_retrans":7,"bytes_to_client":4,\
                "bytes_to_server":5,"class":null,"id":1,"interface":null,"local":"10.9.0.2:80","local_id":null,\
                "remote":"10.1.0.2:54738","remote_id":2,"rtt_us":null,"state":"established"}],\
                "token":null,"upstream":{"local":null,"protocol":"tcp"}}
                """)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let again = try decoder.decode(ConnectionReport.self, from: Data(text.utf8))
        #expect(again.token == nil)
        #expect(again.subflows.first?.interface == nil)
    }
}
