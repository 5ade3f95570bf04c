// The most that any store can do with one disk: durable commits without a store behind them.
#pragma once

#include <stddef.h>
#include <stdint.h>

// How the bytes of a commit reach the disk.
typedef enum {
  // Appended to a file that grows, buffered, then fdatasync: what most stores do.
  PHYSICAL_LIMIT_APPENDED,
  // Into a pre-written file, buffered, then fdatasync.
  PHYSICAL_LIMIT_BUFFERED,
  // Into a pre-written file, with O_DIRECT | O_DSYNC.
  PHYSICAL_LIMIT_DIRECT,
} physical_limit_path;

typedef struct physical_limit physical_limit;

// Makes the file at `path`, of `file_bytes` that are written and synced beforehand unless it is appended to. Writes
// begin again at its start when they reach its end. NULL with errno set when that fails.
physical_limit *physical_limit_open(const char *path, physical_limit_path kind, size_t file_bytes);

void physical_limit_close(physical_limit *limit);

// Makes `size` bytes durable by themselves, rounded up to whole pages, unless the file is appended to. 0, or an
// error number.
int physical_limit_write(physical_limit *limit, const void *bytes, size_t size);

// The same from many threads at once, by the simplest group commit there is: bytes are copied into a buffer under a
// lock; one thread writes all that waits, rounded up to pages, in one call; the others sleep until it has. No
// checksum, no memtable, no order but the buffer's. 0, or an error number.
int physical_limit_commit(physical_limit *limit, const void *bytes, size_t size);
