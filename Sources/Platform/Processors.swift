import CLinux

/// The processors of this machine.
package enum Processors {
    /// How many of them the process may run on (sched_getaffinity(2), as nproc(1) counts); one at the least.
    package static var available: Int { max(1, Int(clinux_processors())) }
}
