import Settings
import Testing

struct ByteCountTests {
    @Test(
        "A size is read in powers of 1024 and of 1000",
        arguments: [
            ("200 GiB", 214_748_364_800), ("400 MB", 400_000_000), ("1.5TiB", 1_649_267_441_664), ("4096", 4_096),
            ("0", 0), ("12 B", 12), ("1kB", 1_000), ("1 KiB", 1_024), ("2  PiB", 2_251_799_813_685_248),
            ("0.000001 MB", 1), ("0.3 KiB", 307), ("9223372036854775807", Int64.max),
            ("8191.999999 PiB", 9_223_372_035_728_875_901),
        ] as [(String, Int64)])
    func reading(_ text: String, _ bytes: Int64) {
        #expect(ByteCount(text)?.bytes == bytes)
    }

    @Test(
        "What is no size is refused",
        arguments: [
            "", " ", "GiB", "-1", "-1 GiB", "+1", "1 gib", "1 GB/s", "1 KB", "1.GiB", ".5 GiB", "1.5.5 GiB", "1 2",
            "1 GiB ", " 1 GiB", "0x10", "1e3", "1.1234567 GiB", "9223372036854775808", "8192 PiB", "1\n",
        ])
    func refusing(_ text: String) {
        #expect(ByteCount(text) == nil)
    }

    @Test(
        "A size is told in the largest power of 1024 it reaches",
        arguments: [
            (0, "0 B"), (1_023, "1023 B"), (1_024, "1 KiB"), (1_536, "1.5 KiB"), (400_000_000, "381.5 MiB"),
            (214_748_364_800, "200 GiB"), (1_048_575, "1 MiB"), (1_649_267_441_664, "1.5 TiB"), (Int64.max, "8 EiB"),
        ] as [(Int64, String)])
    func telling(_ bytes: Int64, _ text: String) {
        #expect(ByteCount(bytes: bytes).description == text)
    }
}
