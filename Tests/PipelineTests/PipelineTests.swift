import Testing

/// The three programs as they are delivered, end to end.
///
/// One suite, one test after the other: each starts processes, and some count what these do.
@Suite(.serialized)
struct PipelineTests {}
