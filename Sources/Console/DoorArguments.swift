import Settings

/// The arguments of a door, which begin with a job or with a verb; options may stand before either of them.
package struct DoorArguments {
    package let all: [String]
    private let verbs: [String]
    /// Where the first two words stand that are neither options nor values of one.
    private let words: [Int]

    /// The options of all commands of the doors that take a value, without their dashes; a test compares.
    package static let valued: Set<String> = [
        "action", "approve", "bandwidth", "batch", "config", "days", "event", "from", "host", "job", "log-format",
        "object",
        "older-than", "only", "poll", "principal", "progress", "replace-guard", "run", "sample", "seed", "stage",
        "tenant",
        "tier", "timeout", "to", "unit", "until", "vault", "wait", "why", "workers",
    ]

    /// Reads them.
    ///
    /// - Parameters:
    ///   - all: the arguments, without the program's name.
    ///   - verbs: those of the door.
    package init(_ all: [String], verbs: [String]) {
        self.all = all
        self.verbs = verbs
        var words: [Int] = []
        var index = 0
        while index < all.count, words.count < 2, all[index] != "--" {
            if all[index].hasPrefix("-"), all[index] != "-" {
                if Self.takesNext(all[index], all.dropFirst(index + 1).first, verbs) { index += 1 }
            } else {
                words.append(index)
            }
            index += 1
        }
        self.words = words
    }

    /// Whether a word is the value of the option before it; one that stands in its option, as in `--run=DATE`, is not asked
    /// for.
    private static func takesNext(_ option: String, _ next: String?, _ verbs: [String]) -> Bool {
        guard option.hasPrefix("--"), valued.contains(String(option.dropFirst(2))), let next else { return false }
        // With `restore` alone it is a flag.
        return option != "--wait" || !verbs.contains(next)
    }

    /// The job or verb.
    package var first: String? { words.first.map { all[$0] } }

    /// The arguments with the verb in front; nothing where there is none.
    package var ofVerb: [String]? {
        guard let place = words.first, verbs.contains(all[place]) else { return nil }
        return [all[place]] + all[..<place] + all[(place + 1)...]
    }

    /// A word that was meant to be a verb, since a job takes no other word behind it, and the verb; nothing where none is near.
    package var misspelt: (word: String, verb: String)? {
        guard words.count == 2, ofVerb == nil, swapped == nil else { return nil }
        let word = all[words[0]]
        return NearestName.of(word, among: verbs).map { (word, $0) }
    }

    /// A job and a verb in the wrong order; nothing where there is none.
    package var swapped: (job: String, verb: String)? {
        guard words.count == 2, verbs.contains(all[words[1]]) else { return nil }
        return (all[words[0]], all[words[1]])
    }
}
