import Testing

/// The three programs with real servers: an object store, NFS, hosts behind SSH, a service manager.
///
/// These wait for others most of their time, and so stand beside ``PipelineTests``, one after the other as well.
@Suite(.serialized)
struct ServerTests {}
