// CRC-32C with the instructions that x86-64 (SSE4.2, PCLMULQDQ) and arm64 (CRC32) have for it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether this processor has the instructions. Asks the processor each time: keep the answer.
bool cairn_crc32c_hardware_available(void);

// The checksum of the bytes appended to what `previous` is the checksum of, in a single dependent chain.
// Only where cairn_crc32c_hardware_available().
uint32_t cairn_crc32c_hardware_single(uint32_t previous, const void *bytes, size_t count);

// The same, in three interleaved chains where there are enough bytes and the processor can join them.
uint32_t cairn_crc32c_hardware(uint32_t previous, const void *bytes, size_t count);
