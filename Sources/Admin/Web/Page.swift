import Foundation

/// The page for people: one file, built into the program.
enum Page {
    private static let text = String(decoding: PackageResources.page_html, as: UTF8.self)

    static func reply() -> Reply {
        var random = SystemRandomNumberGenerator()
        let nonce = String(random.next(), radix: 16) + String(random.next(), radix: 16)
        let html = text.replacingOccurrences(of: "{{nonce}}", with: nonce)
        return Reply(
            200, type: "text/html; charset=utf-8", fields: [("Content-Security-Policy", policy(nonce))],
            body: .data(Data(html.utf8)))
    }

    /// Nothing but the page's own script and style, which have the nonce, and what that script asks here. Its icon is in it.
    private static func policy(_ nonce: String) -> String {
        """
        default-src 'none'; script-src 'nonce-\(nonce)'; style-src 'nonce-\(nonce)'; connect-src 'self'; img-src data:; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """
    }
}
