import Testing

/// The three programs, with something that happens to them at each of their system calls.
///
/// These have hundreds of cases, and so stand beside ``PipelineTests``, and take two at a time.
@Suite(.serialized)
struct InjectionTests {}
