#ifndef COLDCHAIN_CLZMA_SHIM_H
#define COLDCHAIN_CLZMA_SHIM_H

#include <lzma.h>

// Macros that Swift does not import.
static inline lzma_stream clzma_stream(void) { return (lzma_stream)LZMA_STREAM_INIT; }
static inline lzma_vli clzma_filter_lzma2(void) { return LZMA_FILTER_LZMA2; }
static inline uint32_t clzma_tell_unsupported_check(void) { return LZMA_TELL_UNSUPPORTED_CHECK; }
static inline lzma_vli clzma_filters_end(void) { return LZMA_VLI_UNKNOWN; }

#endif
