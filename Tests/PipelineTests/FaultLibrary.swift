import Glibc
import Platform
import TestSupport

/// A shared library, loaded before all others (LD_PRELOAD, ld.so(8)), that counts the system calls of a program over all
/// its threads and does something at the n-th.
///
/// strace(1) can inject too, but it counts each thread by itself, so the n-th call of the process can't be named.
actor FaultLibrary {
    static let shared = FaultLibrary()

    /// Where the library lies.
    private static let place = Monitor<TemporaryDirectory?>(nil)
    private var making: Task<String, any Error>?

    /// The path of the library, compiled at the first call.
    func path() async throws -> String {
        let task = making ?? Task { try await Self.make() }
        making = task
        return try await task.value
    }

    private static func make() async throws -> String {
        let directory = try TemporaryDirectory()
        place.with { $0 = directory }
        // Nothing else would ever release it.
        atexit { FaultLibrary.sweep() }
        let source = directory.path + "/fault.c"
        let library = directory.path + "/fault.so"
        try TreeBuilder(directory.path).file("fault.c", text: Self.source)
        let result = try await run(
            ["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl"], timeout: 60)
        guard result.ending == .exited(0) else { throw Fault(.io, "cc \(source): \(result)") }
        return library
    }

    private static func sweep() { place.with { $0 = nil } }

    private static let source = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <limits.h>
        #include <signal.h>
        #include <stdarg.h>
        #include <stdatomic.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <time.h>
        #include <unistd.h>

        // COLDCHAIN_FAULT_CALLS   names, with a comma behind each
        // COLDCHAIN_FAULT_BELOW   only calls on paths with this prefix
        // COLDCHAIN_FAULT_WHEN    the number of the call, from 1
        // COLDCHAIN_FAULT_ACTION  count, kill, tear (write half, then kill), error, fail (that call and all later ones),
        //                         hold (make MARK, then sleep as long as MARK is there)
        // COLDCHAIN_FAULT_ERRNO   for error and fail
        // COLDCHAIN_FAULT_MARK    for hold; for count, the file that takes the number at the end
        // COLDCHAIN_FAULT_AHEAD   by so many seconds the clock is fast
        static const char *calls, *below, *action, *mark;
        static long when;
        static int number;
        static _Atomic long count;
        static long ahead;

        __attribute__((constructor)) static void start(void) {
            calls = getenv("COLDCHAIN_FAULT_CALLS");
            below = getenv("COLDCHAIN_FAULT_BELOW");
            action = getenv("COLDCHAIN_FAULT_ACTION");
            mark = getenv("COLDCHAIN_FAULT_MARK");
            when = getenv("COLDCHAIN_FAULT_WHEN") ? atol(getenv("COLDCHAIN_FAULT_WHEN")) : 0;
            ahead = getenv("COLDCHAIN_FAULT_AHEAD") ? atol(getenv("COLDCHAIN_FAULT_AHEAD")) : 0;
            number = getenv("COLDCHAIN_FAULT_ERRNO") ? atoi(getenv("COLDCHAIN_FAULT_ERRNO")) : EIO;
            unsetenv("LD_PRELOAD");
        }

        static void note(const char *path, long value) {
            char text[32];
            int length = snprintf(text, sizeof text, "%ld\n", value);
            int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
            if (file < 0) return;
            if (syscall(SYS_write, file, text, length) != length) abort();
            syscall(SYS_close, file);
        }

        __attribute__((destructor)) static void finish(void) {
            if (action && strcmp(action, "count") == 0 && mark) note(mark, atomic_load(&count));
        }

        static void place(int directory, const char *name, char *path) {
            path[0] = 0;
            size_t used = 0;
            if (!name || name[0] != '/') {
                char link[64];
                snprintf(link, sizeof link, directory == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", directory);
                ssize_t length = readlink(link, path, PATH_MAX - 1);
                used = length > 0 ? (size_t)length : 0;
                if (name && used < PATH_MAX - 1) path[used++] = '/';
            }
            path[used] = 0;
            if (name) strncat(path, name, PATH_MAX - 1 - used);
        }

        static void die(void) {
            syscall(SYS_kill, getpid(), SIGKILL);
            for (;;) pause();
        }

        static void hold(void) {
            note(mark, when);
            for (int turn = 0; turn < 6000 && access(mark, F_OK) == 0; turn++) {
                struct timespec rest = {0, 10000000};
                nanosleep(&rest, 0);
            }
        }

        // What to do with a call: 0 to make it, -1 to tear it, or the error to report.
        static int judge(const char *call, int directory, const char *name) {
            if (!calls || !action) return 0;
            char word[32];
            snprintf(word, sizeof word, "%s,", call);
            const char *found = strstr(calls, word);
            if (!found || (found != calls && found[-1] != ',')) return 0;
            if (below) {
                int saved = errno;
                char path[PATH_MAX];
                place(directory, name, path);
                errno = saved;
                if (strncmp(path, below, strlen(below)) != 0) return 0;
            }
            long now = atomic_fetch_add(&count, 1) + 1;
            if (strcmp(action, "fail") == 0 && now >= when) return number;
            if (now != when) return 0;
            if (strcmp(action, "kill") == 0) die();
            if (strcmp(action, "tear") == 0) return -1;
            if (strcmp(action, "error") == 0) return number;
            if (strcmp(action, "hold") == 0) hold();
            return 0;
        }

        #define REAL(type, name, ...) \
            static type (*real)(__VA_ARGS__); \
            if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name);
        #define JUDGE(call, directory, name) \
            int verdict = judge(call, directory, name); \
            if (verdict > 0) { errno = verdict; return -1; }

        int clock_gettime(clockid_t clock, struct timespec *time) {
            REAL(int, clock_gettime, clockid_t, struct timespec *)
            int result = real(clock, time);
            if (clock == CLOCK_REALTIME) time->tv_sec += ahead;
            return result;
        }

        ssize_t write(int file, const void *bytes, size_t size) {
            REAL(ssize_t, write, int, const void *, size_t)
            JUDGE("write", file, 0)
            if (verdict < 0) { real(file, bytes, size / 2); die(); }
            return real(file, bytes, size);
        }
        ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
            REAL(ssize_t, pwrite, int, const void *, size_t, off_t)
            JUDGE("pwrite", file, 0)
            return real(file, bytes, size, offset);
        }
        ssize_t read(int file, void *bytes, size_t size) {
            REAL(ssize_t, read, int, void *, size_t)
            JUDGE("read", file, 0)
            return real(file, bytes, size);
        }
        ssize_t pread(int file, void *bytes, size_t size, off_t offset) {
            REAL(ssize_t, pread, int, void *, size_t, off_t)
            JUDGE("pread", file, 0)
            return real(file, bytes, size, offset);
        }
        #define ON_FILE(name) \
            int name(int file) { REAL(int, name, int) JUDGE(#name, file, 0) return real(file); }
        ON_FILE(fsync)
        ON_FILE(fdatasync)
        ON_FILE(syncfs)
        // The descriptor is given back even when an error is reported, as Linux does.
        int close(int file) {
            REAL(int, close, int)
            int verdict = judge("close", file, 0);
            int result = real(file);
            if (verdict > 0) { errno = verdict; return -1; }
            return result;
        }
        int ftruncate(int file, off_t size) {
            REAL(int, ftruncate, int, off_t)
            JUDGE("ftruncate", file, 0)
            return real(file, size);
        }
        int renameat(int from, const char *old, int to, const char *new) {
            REAL(int, renameat, int, const char *, int, const char *)
            JUDGE("rename", to, new)
            return real(from, old, to, new);
        }
        int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
            REAL(int, renameat2, int, const char *, int, const char *, unsigned)
            JUDGE("rename", to, new)
            return real(from, old, to, new, flags);
        }
        int rename(const char *old, const char *new) {
            REAL(int, rename, const char *, const char *)
            JUDGE("rename", AT_FDCWD, new)
            return real(old, new);
        }
        int linkat(int from, const char *old, int to, const char *new, int flags) {
            REAL(int, linkat, int, const char *, int, const char *, int)
            JUDGE("link", to, new)
            return real(from, old, to, new, flags);
        }
        int symlinkat(const char *target, int directory, const char *name) {
            REAL(int, symlinkat, const char *, int, const char *)
            JUDGE("symlink", directory, name)
            return real(target, directory, name);
        }
        int unlinkat(int directory, const char *name, int flags) {
            REAL(int, unlinkat, int, const char *, int)
            JUDGE("unlink", directory, name)
            return real(directory, name, flags);
        }
        int mkdirat(int directory, const char *name, mode_t mode) {
            REAL(int, mkdirat, int, const char *, mode_t)
            JUDGE("mkdir", directory, name)
            return real(directory, name, mode);
        }
        int fchmod(int file, mode_t mode) {
            REAL(int, fchmod, int, mode_t)
            JUDGE("chmod", file, 0)
            return real(file, mode);
        }
        int fchmodat(int directory, const char *name, mode_t mode, int flags) {
            REAL(int, fchmodat, int, const char *, mode_t, int)
            JUDGE("chmod", directory, name)
            return real(directory, name, mode, flags);
        }
        int openat(int directory, const char *name, int flags, ...) {
            REAL(int, openat, int, const char *, int, ...)
            va_list rest;
            va_start(rest, flags);
            mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
            va_end(rest);
            int makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
            JUDGE(makes ? "create" : "open", directory, name)
            return real(directory, name, flags, mode);
        }
        int flock(int file, int operation) {
            REAL(int, flock, int, int)
            JUDGE("flock", file, 0)
            return real(file, operation);
        }
        """#
}
