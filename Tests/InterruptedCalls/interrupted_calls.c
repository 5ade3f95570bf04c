// Has system calls return early, as the system may and hardly ever does: loaded before a program on Linux (LD_PRELOAD),
// it makes pread and pwrite move fewer bytes than they were asked for, down to one, and has calls fail with EINTR before
// they have done anything. Whoever handles both as POSIX says notices nothing.
//
// CAIRN_INTERRUPT_SEED   a number: which calls, follows from it and from how many were made. Without it, none.
// CAIRN_INTERRUPT_REPORT a path: at the end of the process a line is added to it, with what was done.
//
// Left alone: what no signal ever interrupts (stat, fcntl, readdir), and close, which has closed although it says EINTR.
// On a local file system others are not interrupted either, such as rename and link; on one across a network they are.
//
// Only what the program calls itself is interrupted, and what it calls by way of Swift's own front of the C library: the
// libraries that it uses besides are not what is tested, and some of them take an interrupted call for the end of the world.
//
// Never more than seven times in a row on one thread: what calls again until it succeeds must come to an end.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

// The same function under the name that it has where offsets are always 64 bits.
#define SAME_AS(name) __attribute__((alias(#name)))

static uint64_t seed;
static int is_on;
static _Atomic uint64_t calls;
static _Atomic uint64_t interrupted;
static _Atomic uint64_t shortened;
static _Thread_local int in_a_row;

enum { greatest_in_a_row = 7 };

// SplitMix64 of the seed and the call's number.
static uint64_t draw(void) {
  uint64_t mixed = seed + 0x9e3779b97f4a7c15u * (atomic_fetch_add(&calls, 1) + 1);
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return mixed ^ (mixed >> 31);
}

// Where the code is whose calls are interrupted.
static struct {
  uintptr_t from, to;
} places[16];
static int place_count;

static int note_places(struct dl_phdr_info *object, size_t size, void *count) {
  (void)size;
  // The program itself is the first, and has no name.
  int is_meant = *(int *)count == 0 || strstr(object->dlpi_name, "libswiftGlibc") != NULL;
  *(int *)count += 1;
  for (int index = 0; is_meant && index < object->dlpi_phnum; index++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) || place_count == 16) continue;
    places[place_count].from = object->dlpi_addr + segment->p_vaddr;
    places[place_count].to = places[place_count].from + segment->p_memsz;
    place_count += 1;
  }
  return 0;
}

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("CAIRN_INTERRUPT_SEED");
  if (text == NULL || *text == 0) return;
  seed = strtoull(text, NULL, 10);
  int count = 0;
  dl_iterate_phdr(note_places, &count);
  is_on = 1;
}

static void *original(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

// The function that this one stands before. Looked up once; twice at the same time gives the same.
#define NEXT(name)                                                                                                     \
  static _Atomic(__typeof__(&name)) next;                                                                              \
  __typeof__(&name) call = atomic_load(&next);                                                                         \
  if (call == NULL) {                                                                                                  \
    call = (__typeof__(&name))original(#name);                                                                         \
    atomic_store(&next, call);                                                                                         \
  }

// Whether the function that was called from here is to be interrupted at all.
#define IS_MEANT is_meant((uintptr_t)__builtin_return_address(0))
static int is_meant(uintptr_t caller) {
  if (!is_on) return 0;
  for (int index = 0; index < place_count; index++) {
    if (caller >= places[index].from && caller < places[index].to) return 1;
  }
  return 0;
}

// One call of eight fails before it is made.
static int is_interrupted(int is_meant) {
  if (!is_meant) return 0;
  if (draw() % 8 != 0 || in_a_row >= greatest_in_a_row) {
    in_a_row = 0;
    return 0;
  }
  in_a_row += 1;
  atomic_fetch_add(&interrupted, 1);
  errno = EINTR;
  return 1;
}

// How many of so many bytes are moved: of one call in four fewer, mostly ending anywhere, often at a whole sector or
// page, which is where a file system ends, and now and then after the first byte.
static size_t shorter(size_t count, int is_meant) {
  if (!is_meant || count < 2) return count;
  uint64_t number = draw();
  if (number % 4 != 0) return count;
  size_t result;
  switch ((number >> 8) % 8) {
  case 0: result = 1; break;
  case 1: result = (size_t)((number >> 16) % count) & ~(size_t)511; break;
  case 2:
  case 3:
  case 4: result = (size_t)((number >> 16) % count) & ~(size_t)4095; break;
  default: result = (size_t)((number >> 16) % count); break;
  }
  if (result == 0) result = 1;
  atomic_fetch_add(&shortened, 1);
  return result;
}

// A write past the cache must be aligned, or the system refuses it. So it is made shorter by pages; or, as if the disk had
// taken a part of the last page, all of its pages are written and less is said.
static ssize_t write_some(
    __typeof__(&pwrite) call, int is_meant, int file, const void *bytes, size_t count, off_t offset) {
  size_t some = shorter(count, is_meant);
  if (some == count) return call(file, bytes, count, offset);
  int flags = fcntl(file, F_GETFL);
  if (flags < 0 || !(flags & O_DIRECT) || some % 4096 == 0) return call(file, bytes, some, offset);
  size_t pages = (some + 4095) & ~(size_t)4095;
  ssize_t written = call(file, bytes, pages > count ? count : pages, offset);
  return written > (ssize_t)some ? (ssize_t)some : written;
}

ssize_t pread(int file, void *bytes, size_t count, off_t offset) {
  NEXT(pread)
  return is_interrupted(IS_MEANT) ? -1 : call(file, bytes, shorter(count, IS_MEANT), offset);
}
ssize_t pread64(int file, void *bytes, size_t count, off_t offset) SAME_AS(pread);

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  NEXT(pwrite)
  return is_interrupted(IS_MEANT) ? -1 : write_some(call, IS_MEANT, file, bytes, count, offset);
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off_t offset) SAME_AS(pwrite);

ssize_t preadv(int file, const struct iovec *pieces, int count, off_t offset) {
  NEXT(preadv)
  return is_interrupted(IS_MEANT) ? -1 : call(file, pieces, count > 1 && shorter(2, IS_MEANT) == 1 ? 1 : count, offset);
}
ssize_t preadv64(int file, const struct iovec *pieces, int count, off_t offset) SAME_AS(preadv);

ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t offset) {
  NEXT(pwritev)
  return is_interrupted(IS_MEANT) ? -1 : call(file, pieces, count > 1 && shorter(2, IS_MEANT) == 1 ? 1 : count, offset);
}
ssize_t pwritev64(int file, const struct iovec *pieces, int count, off_t offset) SAME_AS(pwritev);

int open(const char *path, int flags, ...) {
  NEXT(open)
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  return is_interrupted(IS_MEANT) ? -1 : call(path, flags, mode);
}
int open64(const char *path, int flags, ...) SAME_AS(open);

int fsync(int file) {
  NEXT(fsync)
  return is_interrupted(IS_MEANT) ? -1 : call(file);
}

int fdatasync(int file) {
  NEXT(fdatasync)
  return is_interrupted(IS_MEANT) ? -1 : call(file);
}

int ftruncate(int file, off_t length) {
  NEXT(ftruncate)
  return is_interrupted(IS_MEANT) ? -1 : call(file, length);
}
int ftruncate64(int file, off_t length) SAME_AS(ftruncate);

int fallocate(int file, int mode, off_t offset, off_t length) {
  NEXT(fallocate)
  return is_interrupted(IS_MEANT) ? -1 : call(file, mode, offset, length);
}
int fallocate64(int file, int mode, off_t offset, off_t length) SAME_AS(fallocate);

int sync_file_range(int file, off_t offset, off_t count, unsigned int flags) {
  NEXT(sync_file_range)
  return is_interrupted(IS_MEANT) ? -1 : call(file, offset, count, flags);
}

int flock(int file, int operation) {
  NEXT(flock)
  return is_interrupted(IS_MEANT) ? -1 : call(file, operation);
}

int statvfs(const char *path, struct statvfs *result) {
  NEXT(statvfs)
  return is_interrupted(IS_MEANT) ? -1 : call(path, result);
}
int statvfs64(const char *path, struct statvfs64 *result) SAME_AS(statvfs);

int mkdir(const char *path, mode_t mode) {
  NEXT(mkdir)
  return is_interrupted(IS_MEANT) ? -1 : call(path, mode);
}

int unlink(const char *path) {
  NEXT(unlink)
  return is_interrupted(IS_MEANT) ? -1 : call(path);
}

int renameat(int from, const char *source, int to, const char *destination) {
  NEXT(renameat)
  return is_interrupted(IS_MEANT) ? -1 : call(from, source, to, destination);
}

int linkat(int from, const char *source, int to, const char *destination, int flags) {
  NEXT(linkat)
  return is_interrupted(IS_MEANT) ? -1 : call(from, source, to, destination, flags);
}

ssize_t read(int file, void *bytes, size_t count) {
  NEXT(read)
  return is_interrupted(IS_MEANT) ? -1 : call(file, bytes, count);
}

// Whoever prints must not lose a line.
ssize_t write(int file, const void *bytes, size_t count) {
  NEXT(write)
  return is_interrupted(IS_MEANT) ? -1 : call(file, bytes, count);
}

__attribute__((destructor)) static void end(void) {
  const char *path = getenv("CAIRN_INTERRUPT_REPORT");
  if (!is_on || path == NULL) return;
  is_on = 0;
  FILE *report = fopen(path, "a");
  if (report == NULL) return;
  fprintf(report, "%llu %llu\n", (unsigned long long)atomic_load(&interrupted),
          (unsigned long long)atomic_load(&shortened));
  fclose(report);
}
