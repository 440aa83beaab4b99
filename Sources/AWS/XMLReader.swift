internal import CExpat
package import HTTP
package import Platform

/// Reads an XML document as it arrives, by expat.
///
/// Children of the root with certain names are handed out one by one and not kept, so that a listing of any length is
/// read in the memory of one row. The rest is kept up to a limit. A document type, which is where entities are declared,
/// is refused: no answer of S3 has one.
package final class XMLReader: HTTPSink {
    private let parser: XML_Parser?
    private let rows: Set<String>
    private let onRow: (XMLElement) throws(Fault) -> Void
    /// The open elements, from the root on.
    private var open: [XMLElement] = []
    private var root: XMLElement?
    private var kept = 0
    /// What was kept when the row that is read began.
    private var keptBeforeRow = 0
    private var failure: Fault?

    /// Elements inside of each other.
    private static let maximumDepth = 32
    /// Bytes of names and texts that are kept at once.
    private static let maximumKept = 4 << 20

    /// A reader of one document.
    ///
    /// - Parameters:
    ///   - rows: names of the root's children that are handed to `onRow`.
    ///   - onRow: may throw to end the reading.
    package init(rows: Set<String> = [], _ onRow: @escaping (XMLElement) throws(Fault) -> Void = { _ in }) {
        self.rows = rows
        self.onRow = onRow
        parser = XML_ParserCreate("UTF-8")
        XML_SetElementHandler(parser, Self.onStart, Self.onEnd)
        XML_SetCharacterDataHandler(parser, Self.onText)
        XML_SetStartDoctypeDeclHandler(parser, Self.onDoctype)
    }

    deinit { if let parser { XML_ParserFree(parser) } }

    package func begin(_ head: HTTPResponse) throws(Fault) {}

    /// Takes the bytes that follow.
    ///
    /// - Throws: `damaged` for what is no XML; `limit` for what is too deep or too large; what the rows' taker throws.
    package func receive(_ bytes: UnsafeRawBufferPointer) throws(Fault) { try parse(bytes, isLast: false) }

    /// Ends the document.
    ///
    /// - Returns: the root without its rows.
    /// - Throws: `damaged` for a document that ends early.
    package func finish() throws(Fault) -> XMLElement {
        try parse(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true)
        guard let root else { throw Fault(.damaged, "the answer is no XML document") }
        return root
    }

    /// Reads a document that is in memory.
    package static func read(_ bytes: [UInt8]) throws(Fault) -> XMLElement {
        let reader = XMLReader()
        var failure: Fault?
        bytes.withUnsafeBytes { do { try reader.receive($0) } catch { failure = .wrapping(error) } }
        if let failure { throw failure }
        return try reader.finish()
    }

    private func parse(_ bytes: UnsafeRawBufferPointer, isLast: Bool) throws(Fault) {
        guard let parser else { throw Fault(.limit, "XML_ParserCreate: no memory for a parser") }
        // Set here and not in init: nothing may see this object before it is whole.
        XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
        guard let count = Int32(exactly: bytes.count) else { throw Fault(.limit, "a piece of \(bytes.count) bytes") }
        let status = withExtendedLifetime(self) {
            XML_Parse(parser, bytes.bindMemory(to: CChar.self).baseAddress, count, isLast ? 1 : 0)
        }
        if let failure { throw failure }
        guard status == XML_STATUS_OK else {
            let words = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) } ?? "unknown error"
            throw Fault(.damaged, "the answer is no XML: line \(XML_GetCurrentLineNumber(parser)): \(words)")
        }
    }

    private func stop(_ fault: Fault) {
        failure = failure ?? fault
        XML_StopParser(parser, 0)
    }

    private func keep(_ bytes: Int) {
        kept += bytes
        if kept > Self.maximumKept { stop(Fault(.limit, "the answer has more than \(Self.maximumKept) bytes of XML")) }
    }

    /// Whether an element that begins or ends here is handed out.
    private func isRow(_ name: String) -> Bool { open.count == 1 && rows.contains(name) }

    private func start(_ name: String) {
        guard failure == nil else { return }
        guard open.count < Self.maximumDepth else {
            return stop(Fault(.limit, "the answer has more than \(Self.maximumDepth) elements inside of each other"))
        }
        if isRow(name) { keptBeforeRow = kept }
        keep(name.utf8.count + XMLElement.cost)
        open.append(XMLElement(name))
    }

    private func text(_ text: String) {
        guard failure == nil, !open.isEmpty else { return }
        keep(text.utf8.count)
        open[open.count - 1].text += text
    }

    private func end() {
        guard failure == nil, var element = open.popLast() else { return }
        // White space between elements is layout.
        if !element.children.isEmpty { element.text = "" }
        if open.isEmpty {
            root = element
        } else if isRow(element.name) {
            kept = keptBeforeRow
            do throws(Fault) { try onRow(element) } catch { stop(error) }
        } else {
            open[open.count - 1].children.append(element)
        }
    }

    // MARK: Callbacks

    private static func this(_ context: UnsafeMutableRawPointer?) -> XMLReader? {
        context.map { Unmanaged<XMLReader>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let onStart: XML_StartElementHandler = { context, name, _ in
        guard let name else { return }
        this(context)?.start(String(cString: name))
    }

    private static let onEnd: XML_EndElementHandler = { context, _ in this(context)?.end() }

    private static let onText: XML_CharacterDataHandler = { context, text, count in
        guard let text else { return }
        this(context)?.text(
            String(decoding: UnsafeRawBufferPointer(start: text, count: Int(count)), as: UTF8.self))
    }

    private static let onDoctype: XML_StartDoctypeDeclHandler = { context, _, _, _, _ in
        this(context)?.stop(Fault(.damaged, "the answer declares a document type, which is not accepted"))
    }
}
