#ifndef COLDCHAIN_CLINUX_H
#define COLDCHAIN_CLINUX_H

// Linux calls that Swift's Glibc module hides (GNU extensions) or cannot import (variadics).
// Each returns what the call returns and sets errno; the man page of the same name describes it.

#include <stdint.h>
#include <sys/types.h>

struct clinux_status {
    uint64_t size, blocks, inode, device, special_device;
    int64_t modified_seconds;
    uint32_t modified_nanoseconds;
    uint32_t mode, links, uid, gid;
};

int clinux_openat(int directory, const char *name, int flags, unsigned mode);  // openat(2) is variadic
int clinux_open_unnamed(int directory, unsigned mode);                         // O_TMPFILE
int clinux_statat(int directory, const char *name, int follow, struct clinux_status *status);  // statx(2)
int clinux_fstat(int file, struct clinux_status *status);
int clinux_rename_noreplace(int from_directory, const char *from, int to_directory, const char *to);  // renameat2(2)
int clinux_clone(int to, int from);                                            // ioctl(2) FICLONE
int clinux_syncfs(int file);
int clinux_fadvise_dontneed(int file);
// sync_file_range(2): the kernel begins to write these pages out, and does not wait for them.
int clinux_start_writing(int file, int64_t offset, int64_t length);
int clinux_fadvise_sequential(int file);
int clinux_fadvise_willneed(int file, int64_t offset, int64_t length);
int64_t clinux_seek_data(int file, int64_t offset);
int64_t clinux_seek_hole(int file, int64_t offset);
int clinux_filesystem(int file, uint64_t *type, uint64_t *identity, uint64_t *free_bytes, uint64_t *size_bytes);  // fstatfs(2)
int clinux_flush_stdout(void);                                                 // fflush(3); also tells of earlier errors
int clinux_raise_open_files(void);                                             // RLIMIT_NOFILE to its hard limit
int clinux_utime(int directory, const char *name, int64_t seconds, uint32_t nanoseconds);  // utimensat(2), not following
int clinux_processors(void);  // how many sched_getaffinity(2) gives to the calling thread; -1 when it can't be told
void clinux_name_thread(unsigned long thread, const char *name);               // pthread_setname_np(3)

#endif
