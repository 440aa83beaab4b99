/// A small piece of an XML document: an element with what is in it.
package struct XMLElement: Sendable, Equatable {
    package var name: String
    package var text: String
    package var children: [XMLElement]

    package init(_ name: String, _ text: String = "", _ children: [XMLElement] = []) {
        self.name = name
        self.text = text
        self.children = children
    }

    /// The first child of this name.
    package subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

    /// The text of the first child of this name, unless it is empty.
    package func text(_ name: String) -> String? {
        guard let text = self[name]?.text, !text.isEmpty else { return nil }
        return text
    }

    /// All children of this name.
    package func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// What an element costs besides its name and text, in bytes.
    static let cost = 64

    /// About what it takes in memory, in bytes.
    var size: Int { name.utf8.count + text.utf8.count + Self.cost + children.reduce(0) { $0 + $1.size } }

    /// A document of this element, as S3 takes it.
    ///
    /// - Parameter namespace: that of the service's documents.
    /// - Returns: UTF-8.
    package func document(namespace: String = s3Namespace) -> [UInt8] {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        write(to: &text, namespace: namespace)
        return Array(text.utf8)
    }

    package static let s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

    private func write(to out: inout String, namespace: String?) {
        out += "<\(name)" + (namespace.map { " xmlns=\"\($0)\"" } ?? "") + ">"
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            // As it is, a reader would make a line feed of it.
            case "\r": out += "&#13;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        for child in children { child.write(to: &out, namespace: nil) }
        out += "</\(name)>"
    }
}
