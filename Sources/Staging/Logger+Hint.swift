package import Logging

extension Logger {
    /// Tells what is wrong, and what to do about it: the advice is the field `hint`, which the doors' log writes as a line of
    /// its own, or as `hint` of an object.
    package func tell(_ level: Logger.Level, _ text: String, hint: String?) {
        log(level: level, "\(text)", metadata: hint.map { ["hint": .string($0)] })
    }
}
