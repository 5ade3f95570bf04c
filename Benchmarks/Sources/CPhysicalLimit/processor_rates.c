#include "processor_rates.h"

#include "../../../Sources/CairnShims/include/crc32c.h"
#include <zstd.h>

uint32_t processor_checksum(const void *bytes, size_t count) { return cairn_crc32c_hardware(0, bytes, count); }

// The rates are measured by one thread.
static ZSTD_CCtx *compression;
static ZSTD_DCtx *decompression;

size_t processor_compress(void *destination, size_t capacity, const void *bytes, size_t count) {
  if (compression == NULL) compression = ZSTD_createCCtx();
  size_t size = ZSTD_compressCCtx(compression, destination, capacity, bytes, count, 1);
  return ZSTD_isError(size) ? 0 : size;
}

size_t processor_decompress(void *destination, size_t capacity, const void *bytes, size_t count) {
  if (decompression == NULL) decompression = ZSTD_createDCtx();
  size_t size = ZSTD_decompressDCtx(decompression, destination, capacity, bytes, count);
  return ZSTD_isError(size) ? 0 : size;
}
