#ifndef COLDCHAIN_CISAL_H
#define COLDCHAIN_CISAL_H

#include <stddef.h>

// ISA-L's deflate at level 1 (isa-l/igzip_lib.h). Its stream is a structure of arrays that Swift can't import, so it
// stays behind a pointer.
typedef struct cisal_compressor cisal_compressor;

// NULL without memory.
cisal_compressor *cisal_new(void);
void cisal_free(cisal_compressor *compressor);

// Makes one gzip member, without time and name; 0 when it does not fit into `capacity` bytes.
size_t cisal_gzip(
    cisal_compressor *compressor, const void *input, size_t count, void *output, size_t capacity);

#endif
