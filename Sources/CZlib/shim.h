#ifndef COLDCHAIN_CZLIB_SHIM_H
#define COLDCHAIN_CZLIB_SHIM_H

#include <zlib.h>

// inflateInit2 is a macro. 15 + 16: the largest window, gzip wrapping only, so zlib checks CRC-32 and length itself.
static inline int czlib_inflate_gzip_init(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

// deflateInit2 is a macro, too: gzip wrapping as above, the memory and strategy of gzip(1).
static inline int czlib_deflate_gzip_init(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

#endif
