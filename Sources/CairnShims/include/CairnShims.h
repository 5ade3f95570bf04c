// The few C inlines that Swift cannot say.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Writes the system's text for an error number, terminated by a zero byte. Safe to call from any thread.
void cairn_describe_error(int number, char *buffer, size_t size);

// Names the calling thread for people with debuggers, as far as the system allows (15 bytes on Linux).
void cairn_name_this_thread(const char *name);

// A number that the calling thread keeps: threads get them in order, from 0.
uint32_t cairn_thread_number(void);

// Has the processor fetch the cache line at `place`, without waiting for it. Any address will do.
static inline void cairn_prefetch(const void *place) { __builtin_prefetch(place); }

#if defined(__linux__)
// Reserves space for a file without changing its size. -1 with errno set when that fails.
int cairn_preallocate(int descriptor, int64_t size);

// Opens a file that must exist for writes that bypass the system's cache and return once they are durable (O_DIRECT,
// O_DSYNC). -1 with errno set when that fails: EINVAL where the file system cannot.
int cairn_open_write_through(const char *path);

// Has the system begin to write a part of a file to the disk, without waiting. -1 with errno set when that fails.
int cairn_start_writeback(int descriptor, int64_t offset, int64_t count);
#endif

// Waiting on a word of memory. cairn_wait_on_address returns when woken, when the word is not `expected`, and
// now and then for no reason, so the caller looks at the word in a loop; 0, or the system's error number: ETIMEDOUT
// once so much time has passed (UINT64_MAX: no limit).
#if defined(__linux__)
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline int cairn_wait_on_address(void *word, uint32_t expected, uint64_t timeout_nanoseconds) {
  struct timespec limit = {.tv_sec = (time_t)(timeout_nanoseconds / 1000000000),
                           .tv_nsec = (long)(timeout_nanoseconds % 1000000000)};
  struct timespec *timeout = timeout_nanoseconds == UINT64_MAX ? NULL : &limit;
  long result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout, NULL, 0);
  return result < 0 ? errno : 0;
}

static inline void cairn_wake_one(void *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
#elif defined(__APPLE__)
#include <errno.h>
#include <os/os_sync_wait_on_address.h>

static inline int cairn_wait_on_address(void *word, uint32_t expected, uint64_t timeout_nanoseconds) {
  int result =
      timeout_nanoseconds == UINT64_MAX
          ? os_sync_wait_on_address(word, expected, sizeof(uint32_t), OS_SYNC_WAIT_ON_ADDRESS_NONE)
          : os_sync_wait_on_address_with_timeout(word, expected, sizeof(uint32_t), OS_SYNC_WAIT_ON_ADDRESS_NONE,
                                                 OS_CLOCK_MACH_ABSOLUTE_TIME, timeout_nanoseconds);
  return result < 0 ? errno : 0;
}

static inline void cairn_wake_one(void *word) {
  os_sync_wake_by_address_any(word, sizeof(uint32_t), OS_SYNC_WAKE_BY_ADDRESS_NONE);
}
#endif

#include "crc32c.h"
