#ifndef COLDCHAIN_CARCHIVE_SHIM_H
#define COLDCHAIN_CARCHIVE_SHIM_H

#include <archive.h>
#include <archive_entry.h>

// AE_IF* are casts to __LA_MODE_T, which Swift does not import.
static inline unsigned carchive_type_file(void) { return AE_IFREG; }
static inline unsigned carchive_type_directory(void) { return AE_IFDIR; }
static inline unsigned carchive_type_symlink(void) { return AE_IFLNK; }

// archive_set_error is variadic.
static inline void carchive_set_error(struct archive *a, int number, const char *text) {
    archive_set_error(a, number, "%s", text);
}

#endif
