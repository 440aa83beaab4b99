import Testing

/// The three programs as they are delivered, end to end.
///
/// One test after the other, since each starts processes.
@Suite(.serialized)
struct PipelineTests {}
