// What the processor alone makes of bytes: for rows that nothing can be faster than.
#pragma once

#include <stddef.h>
#include <stdint.h>

// The checksum that the product computes, by the same code: its C target is linked in.
uint32_t processor_checksum(const void *bytes, size_t count);

// Compresses with zstd at level 1, with one reused context. The compressed size, or 0 when that fails.
size_t processor_compress(void *destination, size_t capacity, const void *bytes, size_t count);

// Decompresses that. The size, or 0 when that fails.
size_t processor_decompress(void *destination, size_t capacity, const void *bytes, size_t count);
