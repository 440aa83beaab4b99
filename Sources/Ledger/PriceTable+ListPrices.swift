import Platform

extension PriceTable {
    /// The table that holds where no file says otherwise: the same as `etc/prices.toml`.
    ///
    /// List prices of Amazon S3 as they were known on the table's date, to be checked against
    /// https://aws.amazon.com/s3/pricing/ before anything is decided on them.
    package static let listPrices = PriceTable(
        date: CivilDate(dayNumber: 20_089),
        terms: [
            "STANDARD_IA": Terms(minimumDays: 30, minimumBytes: 128 << 10),
            "ONEZONE_IA": Terms(minimumDays: 30, minimumBytes: 128 << 10),
            "GLACIER_IR": Terms(minimumDays: 90, minimumBytes: 128 << 10),
            "GLACIER": Terms(minimumDays: 90, overhead: 32 << 10, hotOverhead: 8 << 10),
            "DEEP_ARCHIVE": Terms(minimumDays: 180, overhead: 32 << 10, hotOverhead: 8 << 10),
        ],
        regions: [
            "us-east-1": virginia, "us-west-2": virginia, "eu-west-1": virginia, "eu-central-1": frankfurt,
        ])

    private static let virginia = [
        "STANDARD": Prices(storage: 0.023, put: 0.005, get: 0.0004, transition: 0.0),
        "STANDARD_IA": Prices(
            storage: 0.0125, put: 0.01, get: 0.001, transition: 0.01,
            restore: ["direct": Restore(requests: 0.0, bytes: 0.01)]),
        "ONEZONE_IA": Prices(
            storage: 0.01, put: 0.01, get: 0.001, transition: 0.01,
            restore: ["direct": Restore(requests: 0.0, bytes: 0.01)]),
        "INTELLIGENT_TIERING": Prices(storage: 0.023, put: 0.005, get: 0.0004, transition: 0.01),
        "GLACIER_IR": Prices(
            storage: 0.004, put: 0.02, get: 0.01, transition: 0.02,
            restore: ["direct": Restore(requests: 0.0, bytes: 0.03)]),
        "GLACIER": Prices(
            storage: 0.0036, put: 0.03, get: 0.0004, transition: 0.03,
            restore: [
                "bulk": Restore(requests: 0.0, bytes: 0.0), "standard": Restore(requests: 0.05, bytes: 0.01),
                "expedited": Restore(requests: 10.0, bytes: 0.03),
            ]),
        "DEEP_ARCHIVE": Prices(
            storage: 0.00099, put: 0.05, get: 0.0004, transition: 0.05,
            restore: ["bulk": Restore(requests: 0.025, bytes: 0.0025), "standard": Restore(requests: 0.1, bytes: 0.02)]),
    ]

    private static let frankfurt = [
        "STANDARD": Prices(storage: 0.0245, put: 0.0054, get: 0.00043, transition: 0.0),
        "STANDARD_IA": Prices(
            storage: 0.0135, put: 0.01, get: 0.001, transition: 0.01,
            restore: ["direct": Restore(requests: 0.0, bytes: 0.01)]),
        "ONEZONE_IA": Prices(
            storage: 0.0108, put: 0.01, get: 0.001, transition: 0.01,
            restore: ["direct": Restore(requests: 0.0, bytes: 0.01)]),
        "INTELLIGENT_TIERING": Prices(storage: 0.0245, put: 0.0054, get: 0.00043, transition: 0.01),
        "GLACIER_IR": Prices(
            storage: 0.005, put: 0.02, get: 0.01, transition: 0.02,
            restore: ["direct": Restore(requests: 0.0, bytes: 0.03)]),
        "GLACIER": Prices(
            storage: 0.00405, put: 0.036, get: 0.00043, transition: 0.036,
            restore: [
                "bulk": Restore(requests: 0.0, bytes: 0.0), "standard": Restore(requests: 0.06, bytes: 0.012),
                "expedited": Restore(requests: 12.0, bytes: 0.036),
            ]),
        "DEEP_ARCHIVE": Prices(
            storage: 0.0018, put: 0.06, get: 0.00043, transition: 0.06,
            restore: ["bulk": Restore(requests: 0.03, bytes: 0.003), "standard": Restore(requests: 0.12, bytes: 0.024)]),
    ]
}
