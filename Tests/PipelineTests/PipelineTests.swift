import Testing

/// The three programs as they are delivered, end to end.
///
/// One test after the other, since each starts processes. ``CrashTests`` and ``ErrorTests``, of which each has hundreds of
/// cases, stand beside it.
@Suite(.serialized)
struct PipelineTests {}
