// Calls that glibc declares only when all of GNU is asked for, and so not to Swift.
#if defined(__linux__)
#define _GNU_SOURCE
#include <fcntl.h>
#endif
#include <pthread.h>
#include <string.h>

#include "CairnShims.h"

#if defined(__linux__)
int cairn_preallocate(int descriptor, int64_t size) {
  return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, size);
}

int cairn_open_write_through(const char *path) {
  return open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_DSYNC);
}

int cairn_start_writeback(int descriptor, int64_t offset, int64_t count) {
  return sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}
#endif

void cairn_name_this_thread(const char *name) {
#if defined(__linux__)
  // Linux refuses a longer name outright.
  char cut[16] = {0};
  strncpy(cut, name, sizeof(cut) - 1);
  (void)pthread_setname_np(pthread_self(), cut);
#elif defined(__APPLE__)
  (void)pthread_setname_np(name);
#endif
}
