import AWS
import Platform
import Testing

@testable import Notify

struct CloudWatchChannelTests {
    @Test("the event and each figure go out with their dimensions and units") func data() {
        let data = CloudWatchChannel.data(sampleNotice(), at: Timestamp(seconds: 7))
        #expect(data.map(\.name) == ["events", "run_seconds", "run_seconds", "backlog_runs"])
        #expect(data.map(\.unit) == ["Count", "Seconds", "Seconds", "Count"])
        #expect(data.map(\.value) == [1, 12.5, 3_725, 2])
        #expect(data[0].dimensions.map { "\($0.name)=\($0.value)" } == ["job=siem", "stage=pack", "event=partial"])
        #expect(data[3].dimensions.map { "\($0.name)=\($0.value)" } == ["job=siem"])
    }
}
