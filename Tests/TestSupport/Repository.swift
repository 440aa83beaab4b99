import Glibc

/// Where this source tree lies.
package enum Repository {
    /// The path of the directory that holds Package.swift.
    package static let root: String = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

    /// The Python that has what `Tests/requirements.txt` lists; `make deps-test` makes it.
    package static let python = root + "/.build/python/bin/python3"

    /// The path of a program of a Python package that `Tests/requirements.txt` lists; nothing when it isn't installed.
    package static func pythonProgram(_ name: String) -> String? {
        let path = root + "/.build/python/bin/" + name
        return access(path, X_OK) == 0 ? path : nil
    }
}
