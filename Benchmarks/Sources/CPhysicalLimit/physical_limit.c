#define _GNU_SOURCE
#include "physical_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#else
#define fdatasync fsync
#define O_DIRECT 0
#endif

enum { page_bytes = 4096, buffer_bytes = 4 << 20 };

struct physical_limit {
  int descriptor;
  physical_limit_path kind;
  size_t file_bytes;
  size_t position;
  pthread_mutex_t lock;
  // One is filled while the other is written. Page-aligned, for direct writes.
  uint8_t *buffers[2];
  size_t fill;
  // Which buffer is filled, and hence the number of the group that commits join; groups below `written` are durable.
  uint32_t group;
  _Atomic uint32_t written;
  int is_writing;
  int failure;
#if !defined(__linux__)
  pthread_cond_t written_changed;
#endif
};

static size_t whole_pages(size_t size) { return (size + page_bytes - 1) / page_bytes * page_bytes; }

static int write_all(physical_limit *limit, const uint8_t *bytes, size_t size) {
  if (limit->kind != PHYSICAL_LIMIT_APPENDED && limit->position + size > limit->file_bytes) limit->position = 0;
  size_t done = 0;
  while (done < size) {
    ssize_t count = pwrite(limit->descriptor, bytes + done, size - done, (off_t)(limit->position + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    done += (size_t)count;
  }
  limit->position += size;
  if (limit->kind == PHYSICAL_LIMIT_DIRECT) return 0;
  return fdatasync(limit->descriptor) == 0 ? 0 : errno;
}

physical_limit *physical_limit_open(const char *path, physical_limit_path kind, size_t file_bytes) {
  physical_limit *limit = calloc(1, sizeof *limit);
  if (limit == NULL) return NULL;
  limit->kind = kind;
  limit->file_bytes = file_bytes / buffer_bytes * buffer_bytes;
  limit->descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  pthread_mutex_init(&limit->lock, NULL);
#if !defined(__linux__)
  pthread_cond_init(&limit->written_changed, NULL);
#endif
  int has_memory = 1;
  for (int index = 0; index < 2; index++) {
    void *memory = NULL;
    has_memory &= posix_memalign(&memory, page_bytes, buffer_bytes) == 0;
    limit->buffers[index] = memory;
    if (memory != NULL) memset(memory, 7, buffer_bytes);
  }
  int failed = limit->descriptor < 0 || !has_memory;
  if (!failed && kind != PHYSICAL_LIMIT_APPENDED) {
    for (size_t offset = 0; offset < limit->file_bytes && !failed; offset += buffer_bytes)
      failed = pwrite(limit->descriptor, limit->buffers[0], buffer_bytes, (off_t)offset) != buffer_bytes;
    failed = failed || fsync(limit->descriptor) != 0;
  }
  if (!failed && kind == PHYSICAL_LIMIT_DIRECT) {
    // Another file system than ext4 or XFS may not know direct writes.
    int direct = open(path, O_RDWR | O_DIRECT | O_DSYNC);
    failed = direct < 0;
    if (!failed) {
      close(limit->descriptor);
      limit->descriptor = direct;
    }
  }
  if (failed) {
    int number = errno;
    physical_limit_close(limit);
    errno = number;
    return NULL;
  }
  return limit;
}

void physical_limit_close(physical_limit *limit) {
  if (limit->descriptor >= 0) close(limit->descriptor);
  for (int index = 0; index < 2; index++) free(limit->buffers[index]);
  pthread_mutex_destroy(&limit->lock);
  free(limit);
}

int physical_limit_write(physical_limit *limit, const void *bytes, size_t size) {
  size_t padded = limit->kind == PHYSICAL_LIMIT_APPENDED ? size : whole_pages(size);
  if (padded > buffer_bytes) return EINVAL;
  memcpy(limit->buffers[0], bytes, size);
  return write_all(limit, limit->buffers[0], padded);
}

// With the lock, which it lets go of meanwhile.
static void wait_until_written(physical_limit *limit, uint32_t seen) {
#if defined(__linux__)
  pthread_mutex_unlock(&limit->lock);
  syscall(SYS_futex, &limit->written, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
  pthread_mutex_lock(&limit->lock);
#else
  while (limit->written == seen && limit->is_writing) pthread_cond_wait(&limit->written_changed, &limit->lock);
#endif
}

static void wake_all(physical_limit *limit) {
#if defined(__linux__)
  syscall(SYS_futex, &limit->written, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
  pthread_cond_broadcast(&limit->written_changed);
#endif
}

int physical_limit_commit(physical_limit *limit, const void *bytes, size_t size) {
  if (size > buffer_bytes) return EINVAL;
  pthread_mutex_lock(&limit->lock);
  while (limit->fill + size > buffer_bytes && limit->is_writing) wait_until_written(limit, limit->written);
  memcpy(limit->buffers[limit->group & 1] + limit->fill, bytes, size);
  limit->fill += size;
  uint32_t group = limit->group;
  while (limit->written <= group && limit->failure == 0) {
    if (limit->is_writing) {
      wait_until_written(limit, limit->written);
      continue;
    }
    size_t count = limit->fill;
    const uint8_t *buffer = limit->buffers[limit->group & 1];
    limit->group += 1;
    limit->fill = 0;
    limit->is_writing = 1;
    pthread_mutex_unlock(&limit->lock);
    int failure = write_all(limit, buffer, limit->kind == PHYSICAL_LIMIT_APPENDED ? count : whole_pages(count));
    pthread_mutex_lock(&limit->lock);
    limit->is_writing = 0;
    if (failure != 0) limit->failure = failure;
    limit->written += 1;
    wake_all(limit);
  }
  int failure = limit->failure;
  pthread_mutex_unlock(&limit->lock);
  return failure;
}
