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

typedef struct cisal_decompressor cisal_decompressor;

// NULL without memory.
cisal_decompressor *cisal_new_decompressor(void);
void cisal_free_decompressor(cisal_decompressor *decompressor);

// Inflates one gzip member and compares its CRC-32 and length. `count` and `capacity` become what was used of both.
// 0 when all is right, 1 where the input is cut off, 2 where the output has no room, less than 0 for anything else.
int cisal_gunzip(
    cisal_decompressor *decompressor, const void *input, size_t *count, void *output, size_t *capacity);

#endif
