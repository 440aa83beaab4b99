#include "CISAL.h"

#include <isa-l/igzip_lib.h>
#include <limits.h>
#include <stdlib.h>

struct cisal_compressor {
    struct isal_zstream stream;
    uint8_t level_buffer[ISAL_DEF_LVL1_DEFAULT];
};

cisal_compressor *cisal_new(void) { return malloc(sizeof(cisal_compressor)); }

void cisal_free(cisal_compressor *compressor) { free(compressor); }

size_t cisal_gzip(
    cisal_compressor *compressor, const void *input, size_t count, void *output, size_t capacity) {
    if (count > UINT_MAX || capacity > UINT_MAX) return 0;
    struct isal_zstream *stream = &compressor->stream;
    isal_deflate_stateless_init(stream);
    stream->gzip_flag = IGZIP_GZIP;
    stream->level = 1;
    stream->level_buf = compressor->level_buffer;
    stream->level_buf_size = sizeof compressor->level_buffer;
    stream->flush = NO_FLUSH;
    stream->end_of_stream = 1;
    stream->next_in = (uint8_t *)input;
    stream->avail_in = (uint32_t)count;
    stream->next_out = output;
    stream->avail_out = (uint32_t)capacity;
    return isal_deflate_stateless(stream) == COMP_OK ? stream->total_out : 0;
}

struct cisal_decompressor {
    struct inflate_state state;
};

cisal_decompressor *cisal_new_decompressor(void) { return malloc(sizeof(cisal_decompressor)); }

void cisal_free_decompressor(cisal_decompressor *decompressor) { free(decompressor); }

int cisal_gunzip(
    cisal_decompressor *decompressor, const void *input, size_t *count, void *output, size_t *capacity) {
    if (*count > UINT_MAX || *capacity > UINT_MAX) return ISAL_INVALID_BLOCK;
    struct inflate_state *state = &decompressor->state;
    isal_inflate_init(state);
    // Header and trailer are read and compared, too.
    state->crc_flag = ISAL_GZIP;
    state->next_in = (uint8_t *)input;
    state->avail_in = (uint32_t)*count;
    state->next_out = output;
    state->avail_out = (uint32_t)*capacity;
    int code = isal_inflate_stateless(state);
    *count -= state->avail_in;
    *capacity -= state->avail_out;
    return code;
}
