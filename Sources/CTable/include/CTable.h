#ifndef CTABLE_H
#define CTABLE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// So many bytes behind a row's memory are read, whatever they hold: a row is looked at by 64 bytes at once.
enum { CTABLE_SLACK = 64 };

/// Which of the 64 bytes at `at` are `byte`, the first in the lowest bit.
static inline uint64_t ctable_marks(const uint8_t *_Nonnull at, uint8_t byte) {
    uint64_t marks = 0;
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi8((char)byte);
    for (int piece = 0; piece < 4; piece++) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(at + 16 * piece));
        marks |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)) << (16 * piece);
    }
#else
    for (int index = 0; index < 64; index++) marks |= (uint64_t)(at[index] == byte) << index;
#endif
    return marks;
}

/// What ctable_split finds in a row.
typedef struct {
    /// Bytes of the row without its newline; -1 where it has none in what there is.
    ptrdiff_t length;
    /// How many fields it has.
    size_t fields;
    /// Whether a backslash is in it.
    int escapes;
} ctable_row;

/// Splits the row of tab-separated values at `row` of which `available` bytes are there, and CTABLE_SLACK more may be
/// read. starts[i] becomes where field i begins, and starts[fields] one behind the newline; none behind starts[most].
static inline ctable_row ctable_split(
    const uint8_t *_Nonnull row, size_t available, size_t most, uint32_t *_Nonnull starts) {
    ctable_row found = {.length = -1, .fields = 1, .escapes = 0};
    uint64_t escapes = 0;
    starts[0] = 0;
    for (size_t base = 0; base < available; base += 64) {
        uint64_t ends = ctable_marks(row + base, '\n');
        uint64_t tabs = ctable_marks(row + base, '\t');
        uint64_t slashes = ctable_marks(row + base, '\\');
        uint64_t seen = ~(uint64_t)0;
        if (available - base < 64) seen >>= 64 - (available - base);
        ends &= seen;
        // All bits below the newline.
        if (ends) seen = (ends & -ends) - 1;
        tabs &= seen;
        escapes |= slashes & seen;
        while (tabs) {
            if (found.fields <= most) starts[found.fields] = (uint32_t)(base + (size_t)__builtin_ctzll(tabs) + 1);
            found.fields++;
            tabs &= tabs - 1;
        }
        if (ends) {
            found.length = (ptrdiff_t)(base + (size_t)__builtin_ctzll(ends));
            if (found.fields <= most) starts[found.fields] = (uint32_t)(found.length + 1);
            break;
        }
    }
    found.escapes = escapes != 0;
    return found;
}

#endif
