/// `run.json`: what collect fixed when it opened a run.
package struct RunRecord: Codable, Sendable, Equatable {
    package var format = JSONFile.format
    package var job: String
    /// The data date, `2026-11-20`.
    package var run: String
    package var timezone: String
    /// The source path per host, with the date filled in.
    package var paths: [String: String]
    package var layout: String
    package var archive: String
    package var member: String
    /// Who opened the run, where and when.
    package var openedBy: String
    package var openedAt: String

    package init(
        job: String, run: String, timezone: String, paths: [String: String], layout: String, archive: String,
        member: String, openedBy: String, openedAt: String
    ) {
        self.job = job
        self.run = run
        self.timezone = timezone
        self.paths = paths
        self.layout = layout
        self.archive = archive
        self.member = member
        self.openedBy = openedBy
        self.openedAt = openedAt
    }
}
