// With only POSIX asked for, strerror_r is the variant that returns an error number, on glibc too; the GNU
// variant, which may ignore the buffer, is what Swift would see.
#if defined(__linux__)
#undef _GNU_SOURCE
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <stdio.h>
#include <string.h>

#include "CairnShims.h"

void cairn_describe_error(int number, char *buffer, size_t size) {
  if (size == 0) return;
  buffer[0] = 0;
  if (strerror_r(number, buffer, size) != 0 && buffer[0] == 0) {
    snprintf(buffer, size, "error %d", number);
  }
}
