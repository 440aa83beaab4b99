import Platform
import Testing

struct FaultTests {
    @Test func `a chain reads as one line from the outside in`() {
        let inner = Fault(.io, "read /a: input/output error")
        let middle = Fault(.damaged, "member 3 of x.tar.gz", cause: inner)
        let outer = Fault(.incomplete, "host web1", cause: middle).within("job logs")
        #expect(outer.description == "job logs: host web1: member 3 of x.tar.gz: read /a: input/output error")
        #expect(outer.code == .incomplete)
        #expect(outer.cause?.cause?.code == .io)
        #expect(outer.cause?.cause?.cause == nil)
    }

    @Test func `a hint comes from the nearest level that has one`() {
        let inner = Fault(.io, "inner", hint: "Inner advice.")
        #expect(Fault(.io, "outer", cause: inner).hint == "Inner advice.")
        #expect(Fault(.io, "outer", hint: "Outer advice.", cause: inner).hint == "Outer advice.")
        #expect(inner.hinting("Other advice.").hint == "Inner advice.")
        #expect(Fault(.io, "bare").hinting("Other advice.").hint == "Other advice.")
    }

    @Test func `wrapping keeps a fault and gives any other error its own words`() {
        struct Strange: Error, CustomStringConvertible { let description = "a strange thing" }
        #expect(Fault.wrapping(Fault(.limit, "too deep")).code == .limit)
        let wrapped = Fault.wrapping(Strange())
        #expect(wrapped.code == .io)
        #expect(wrapped.description == "a strange thing")
    }

    @Test func `codes print as their names`() {
        #expect("\(Fault.Code.tryLater) \(Fault.Code.noSpace) \(Fault.Code.unmounted)" == "tryLater noSpace unmounted")
    }
}
