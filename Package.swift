// swift-tools-version: 6.2
import PackageDescription

// Rooms are libraries, doors are executables; the dependency lists below are the arrows of ARCHITECTURE.md.
// COLDCHAIN_STRICT=1 turns warnings into errors (the Makefile sets it; a newer compiler's new warnings stop nobody else).
let strict = Context.environment["COLDCHAIN_STRICT"] == "1"

// COLDCHAIN_ZLIB_ONLY=1 builds without libdeflate and ISA-L, where these are missing: zlib compresses then, slower.
let isZlibOnly = Context.environment["COLDCHAIN_ZLIB_ONLY"] == "1"

let swiftSettings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])
    + (isZlibOnly ? [.define("COLDCHAIN_ZLIB_ONLY")] : [])

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")

func room(_ name: String, _ dependencies: [Target.Dependency], linking linker: [LinkerSetting] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings, linkerSettings: linker)
}

func door(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name,
        dependencies: ["Platform", "Ledger", "Settings", "Staging", "Console", arguments, log] + dependencies,
        swiftSettings: swiftSettings)
}

func tests(_ room: String, _ dependencies: [Target.Dependency] = [], excluding files: [String] = []) -> Target {
    .testTarget(
        name: room + "Tests", dependencies: [.init(stringLiteral: room), "TestSupport"] + dependencies, exclude: files,
        swiftSettings: swiftSettings)
}

// What makes gzip faster than zlib does.
let fastLibraries: [Target] =
    isZlibOnly
    ? []
    : [
        .systemLibrary(name: "CDeflate", providers: [.apt(["libdeflate-dev"])]),
        .target(name: "CISAL", linkerSettings: [.linkedLibrary("isal")]),
    ]

let package = Package(
    name: "coldchain",
    products: [
        .executable(name: "collect", targets: ["collect"]),
        .executable(name: "pack", targets: ["pack"]),
        .executable(name: "ship", targets: ["ship"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        // Without its trait for Foundation, which is not linked here.
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
        .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CLinux"),
        .target(name: "CTable"),
        .target(name: "CToml"),

        room("Platform", ["CLinux", subprocess, system]),
        room(
            "Codec",
            ["CLZMA", "CTable", "CZlib", "Platform", crypto] + fastLibraries.map { .init(stringLiteral: $0.name) },
            // libdeflate is linked from its archive: Debian's shared library compresses 10 % slower than the same code in
            // it.
            linking: isZlibOnly ? [] : [.linkedLibrary(":libdeflate.a")]),
        room("Ledger", ["Platform", "Codec"]),
        room("Settings", ["CToml", "Platform", "Codec", "Ledger"]),
        room("Staging", ["Platform", "Codec", "Ledger", "Settings", log]),
        room("Hosts", ["Platform", "Codec", "Ledger", "Settings"]),
        room("Archive", ["CArchive", "Platform", "Codec", "Ledger"]),
        room("HTTP", ["CCurl", "Platform", log]),
        room("AWS", ["CExpat", "Platform", "Codec", "HTTP", crypto, log]),
        room("Vault", ["Platform", "Codec", "Ledger", "Settings", "HTTP", "AWS", crypto, log]),
        room("Retention", ["Platform", "Codec", "Ledger", "Settings", "Staging", "AWS", "Vault", "Warehouse", log]),
        room("Warehouse", ["Platform", "Codec", "Ledger", "Settings", "HTTP", "AWS", "Vault", crypto, log]),
        room("Notify", ["Platform", "Settings", "HTTP", "AWS", log]),
        room(
            "Console",
            ["CLinux", "Platform", "Ledger", "Settings", "Staging", "Vault", "Retention", "Warehouse", arguments, log]),

        door("collect", ["Codec", "Hosts", "AWS", "Vault", "Warehouse"]),
        door("pack", ["Codec", "Archive", "Warehouse"]),
        door("ship", ["Codec", "Archive", "Retention", "Vault", "HTTP", "AWS", "Warehouse", "Notify"]),

        // A test target too, so that a build without tests leaves it out: a static standard library has no Testing.
        .testTarget(
            name: "TestSupport", dependencies: ["Platform", "Codec"], path: "Tests/TestSupport",
            exclude: ["nfsfuse.py"], swiftSettings: swiftSettings),
        tests("Platform"),
        tests("Codec", ["Platform"]),
        tests("Ledger", ["Platform", "Codec"], excluding: ["Retention/cases.txt"]),
        tests("Settings", ["Platform", "Codec", "Ledger"]),
        tests("Staging", ["Platform", "Codec", "Ledger", "Settings", log]),
        tests("Hosts", ["Platform", "Codec", "Ledger", "Settings"]),
        tests("Archive", ["Platform", "Codec", "Ledger"]),
        tests("HTTP", ["Platform", log]),
        tests("AWS", ["Platform", "Codec", "HTTP", log]),
        tests("Notify", ["Platform", "Settings", "HTTP", "AWS", log]),
        tests("Vault", ["Platform", "Codec", "Ledger", "Settings", "HTTP", "AWS", log]),
        tests("Retention", ["Platform", "Codec", "Ledger", "Settings", "Staging", "Vault", log]),
        tests(
            "Warehouse", ["Platform", "Codec", "Ledger", "Settings", "HTTP", "AWS", "Vault", crypto, log],
            excluding: ["inventory_reader.py"]),
        tests("Console", ["Platform", "Ledger", "Settings", "Staging", arguments, log]),
        .testTarget(
            name: "PipelineTests",
            dependencies: ["Platform", "Codec", "Console", "HTTP", "AWS", "TestSupport", crypto],
            swiftSettings: swiftSettings),
    ] + fastLibraries,
    cxxLanguageStandard: .cxx17
)
