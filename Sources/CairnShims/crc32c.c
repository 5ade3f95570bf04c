#include "crc32c.h"

#include <string.h>

// The registers hold the complement of the checksum, as everywhere.

#if defined(__x86_64__)

#include <cpuid.h>
#include <nmmintrin.h>
#include <wmmintrin.h>

#define CRC_TARGET __attribute__((target("sse4.2,pclmul")))
#define CRC_WORD(crc, word) ((uint32_t)_mm_crc32_u64((crc), (word)))
#define CRC_BYTE(crc, byte) _mm_crc32_u8((crc), (byte))

bool cairn_crc32c_hardware_available(void) {
  unsigned int eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return false;
  return (ecx & bit_SSE4_2) != 0 && (ecx & bit_PCLMUL) != 0;
}

#elif defined(__aarch64__)

#if defined(__linux__)
#include <sys/auxv.h>
// HWCAP_CRC32 of <asm/hwcap.h>.
bool cairn_crc32c_hardware_available(void) { return (getauxval(AT_HWCAP) & (1UL << 7)) != 0; }
#elif defined(__APPLE__)
// Every Mac with an arm64 processor has them.
bool cairn_crc32c_hardware_available(void) { return true; }
#else
bool cairn_crc32c_hardware_available(void) { return false; }
#endif

#define CRC_TARGET __attribute__((target("crc")))
#define CRC_WORD(crc, word) __builtin_arm_crc32cd((crc), (word))
#define CRC_BYTE(crc, byte) __builtin_arm_crc32cb((crc), (byte))

#else

bool cairn_crc32c_hardware_available(void) { return false; }

uint32_t cairn_crc32c_hardware_single(uint32_t previous, const void *bytes, size_t count) {
  (void)bytes, (void)count;
  return previous;
}

uint32_t cairn_crc32c_hardware(uint32_t previous, const void *bytes, size_t count) {
  (void)bytes, (void)count;
  return previous;
}

#endif

#if defined(CRC_TARGET)

static inline uint64_t load_word(const uint8_t *bytes) {
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

CRC_TARGET static inline uint32_t single_chain(uint32_t crc, const uint8_t *bytes, size_t count) {
  for (; count >= 8; bytes += 8, count -= 8) crc = CRC_WORD(crc, load_word(bytes));
  for (; count > 0; bytes += 1, count -= 1) crc = CRC_BYTE(crc, *bytes);
  return crc;
}

CRC_TARGET uint32_t cairn_crc32c_hardware_single(uint32_t previous, const void *bytes, size_t count) {
  return ~single_chain(~previous, bytes, count);
}

#if defined(__x86_64__)

// One chain is bound by the instruction's latency of three cycles, so three run side by side, each over its
// own third of 3 * lane bytes. A chain that `lane` bytes follow is moved past them by multiplying it with
// x^(8 * lane) modulo the polynomial. The product of two bit-reversed 32-bit numbers is one bit short of
// its place in 64 bits, and the crc32 instruction that reduces it multiplies with x^32, so the factor is
// x^(8 * lane - 33).
#define THREE_CHAINS(lane, past_one_lane, past_two_lanes)                                                   \
  while (count >= 3 * (lane)) {                                                                             \
    uint32_t second = 0, third = 0;                                                                         \
    for (size_t offset = 0; offset < (lane); offset += 8) {                                                 \
      crc = CRC_WORD(crc, load_word(bytes + offset));                                                       \
      second = CRC_WORD(second, load_word(bytes + (lane) + offset));                                        \
      third = CRC_WORD(third, load_word(bytes + 2 * (lane) + offset));                                      \
    }                                                                                                       \
    crc = moved(crc, past_two_lanes) ^ moved(second, past_one_lane) ^ third;                                \
    bytes += 3 * (lane);                                                                                    \
    count -= 3 * (lane);                                                                                    \
  }

CRC_TARGET static inline uint32_t moved(uint32_t crc, uint32_t factor) {
  __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128((int)crc), _mm_cvtsi32_si128((int)factor), 0);
  return CRC_WORD(0, (uint64_t)_mm_cvtsi128_si64(product));
}

CRC_TARGET uint32_t cairn_crc32c_hardware(uint32_t previous, const void *start, size_t count) {
  const uint8_t *bytes = start;
  uint32_t crc = ~previous;
  THREE_CHAINS(1024, 0x170076fa, 0xa51b6135)
  THREE_CHAINS(128, 0x0d3b6092, 0xb9e02b86)
  return ~single_chain(crc, bytes, count);
}

#else

uint32_t cairn_crc32c_hardware(uint32_t previous, const void *bytes, size_t count) {
  return cairn_crc32c_hardware_single(previous, bytes, count);
}

#endif
#endif
