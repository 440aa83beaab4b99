import Platform

/// How many regions of memory this process has mapped: the stack of each thread is one, with a guard before it, until the
/// thread has been joined.
package func mappedRegions() throws -> Int {
    let counted = try runBlocking(["sh", "-c", "wc -l < /proc/\(ProcessIdentity.pid)/maps"])
    guard let count = counted.lines.first.flatMap({ Int($0) }) else { throw Fault(.io, "\(counted)") }
    return count
}
