#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

int clinux_openat(int directory, const char *name, int flags, unsigned mode) {
    return openat(directory, name, flags | O_CLOEXEC, (mode_t)mode);
}

int clinux_open_unnamed(int directory, unsigned mode) {
    return openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, (mode_t)mode);
}

static int fill(int directory, const char *name, int flags, struct clinux_status *status) {
    struct statx x;
    memset(status, 0, sizeof *status);
    if (statx(directory, name, flags, STATX_BASIC_STATS, &x) != 0) return -1;
    status->size = x.stx_size;
    status->blocks = x.stx_blocks;
    status->inode = x.stx_ino;
    status->device = ((uint64_t)x.stx_dev_major << 32) | x.stx_dev_minor;
    status->special_device = ((uint64_t)x.stx_rdev_major << 32) | x.stx_rdev_minor;
    status->modified_seconds = x.stx_mtime.tv_sec;
    status->modified_nanoseconds = x.stx_mtime.tv_nsec;
    status->mode = x.stx_mode;
    status->links = x.stx_nlink;
    status->uid = x.stx_uid;
    status->gid = x.stx_gid;
    return 0;
}

int clinux_statat(int directory, const char *name, int follow, struct clinux_status *status) {
    return fill(directory, name, follow ? 0 : AT_SYMLINK_NOFOLLOW, status);
}

int clinux_fstat(int file, struct clinux_status *status) { return fill(file, "", AT_EMPTY_PATH, status); }

int clinux_rename_noreplace(int from_directory, const char *from, int to_directory, const char *to) {
    return renameat2(from_directory, from, to_directory, to, RENAME_NOREPLACE);
}

int clinux_clone(int to, int from) { return ioctl(to, FICLONE, from); }
int clinux_syncfs(int file) { return syncfs(file); }

// posix_fadvise returns the error number instead of setting errno.
static int advise(int file, int64_t offset, int64_t length, int advice) {
    int error = posix_fadvise(file, offset, length, advice);
    if (error == 0) return 0;
    errno = error;
    return -1;
}

int clinux_fadvise_dontneed(int file) { return advise(file, 0, 0, POSIX_FADV_DONTNEED); }
int clinux_start_writing(int file, int64_t offset, int64_t length) {
    return sync_file_range(file, offset, length, SYNC_FILE_RANGE_WRITE);
}

int clinux_fadvise_sequential(int file) { return advise(file, 0, 0, POSIX_FADV_SEQUENTIAL); }
int clinux_fadvise_willneed(int file, int64_t offset, int64_t length) {
    return advise(file, offset, length, POSIX_FADV_WILLNEED);
}

int64_t clinux_seek_data(int file, int64_t offset) { return lseek(file, offset, SEEK_DATA); }
int64_t clinux_seek_hole(int file, int64_t offset) { return lseek(file, offset, SEEK_HOLE); }

int clinux_filesystem(int file, uint64_t *type, uint64_t *identity, uint64_t *free_bytes, uint64_t *size_bytes) {
    struct statfs s;
    if (fstatfs(file, &s) != 0) return -1;
    *type = (uint64_t)s.f_type;
    *identity = 0;
    memcpy(identity, &s.f_fsid, sizeof s.f_fsid < sizeof *identity ? sizeof s.f_fsid : sizeof *identity);
    *free_bytes = (uint64_t)s.f_bavail * (uint64_t)s.f_frsize;
    *size_bytes = (uint64_t)s.f_blocks * (uint64_t)s.f_frsize;
    return 0;
}

int clinux_flush_stdout(void) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    if (errno == 0) errno = EIO;  // an earlier write failed; what it said is gone
    return -1;
}

int clinux_raise_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

int clinux_utime(int directory, const char *name, int64_t seconds, uint32_t nanoseconds) {
    struct timespec times[2] = {{.tv_sec = seconds, .tv_nsec = nanoseconds}, {.tv_sec = seconds, .tv_nsec = nanoseconds}};
    return utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW);
}

void clinux_name_thread(unsigned long thread, const char *name) { pthread_setname_np((pthread_t)thread, name); }

int clinux_processors(void) {
    // The kernel refuses a set that is smaller than its own.
    for (int room = 1024; room <= 1 << 20; room *= 2) {
        cpu_set_t *set = CPU_ALLOC(room);
        if (!set) return -1;
        size_t size = CPU_ALLOC_SIZE(room);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : -1;
        int error = errno;
        CPU_FREE(set);
        if (count >= 0) return count;
        if (error != EINVAL) return -1;
    }
    return -1;
}
