extension HTTPRequest {
    /// A request to an address as ``HTTPAddress`` reads it, or nothing where the text is none.
    ///
    /// Path and query are sent as they are encoded, a fragment is not sent.
    package init?(_ method: Method, url text: String) {
        guard let address = HTTPAddress(String(text.prefix { $0 != "#" })) else { return nil }
        self = address.request(method)
    }
}
