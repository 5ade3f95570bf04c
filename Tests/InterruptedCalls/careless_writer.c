// A program that takes every call for done: it shows that interrupted_calls.c interrupts. Exits with 0 when each call was
// done whole, with 1 when none of a kind of calls that was to be interrupted ever was, and with 2 when all sorts were.
//
//   careless_writer FILE

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { length = 64 << 10, rounds = 2000 };

static int interrupted[8];

// Notes whether the call number `kind` was interrupted.
static void note(int kind, long result) {
  if (result < 0 && errno == EINTR) interrupted[kind] += 1;
}

int main(int count, char **words) {
  void *bytes = NULL;
  if (count != 2 || posix_memalign(&bytes, 4096, length) != 0) return 3;
  int short_reads = 0, short_writes = 0, single = 0, direct_odd = 0, direct_pages = 0;
  int file = -1;
  while ((file = open(words[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0) {
    if (errno != EINTR) return 3;
  }
  int direct = -1;
  while ((direct = open(words[1], O_WRONLY | O_DIRECT | O_CLOEXEC)) < 0 && errno == EINTR) continue;
  for (int round = 0; round < rounds; round++) {
    int opened = open(words[1], O_RDONLY | O_CLOEXEC);
    note(0, opened);
    if (opened >= 0) close(opened);
    ssize_t written = pwrite(file, bytes, length, 0);
    note(1, written);
    if (written >= 0 && written < length) short_writes += 1;
    if (written == 1) single += 1;
    ssize_t read = pread(file, bytes, length, 0);
    note(2, read);
    if (read >= 0 && read < length) short_reads += 1;
    if (direct >= 0) {
      ssize_t taken = pwrite(direct, bytes, length, 0);
      if (taken >= 0 && taken < length && taken % 4096 != 0) direct_odd += 1;
      if (taken >= 0 && taken < length && taken % 4096 == 0) direct_pages += 1;
    }
    note(3, flock(file, LOCK_EX | LOCK_NB));
    note(4, ftruncate(file, length));
    note(5, fallocate(file, FALLOC_FL_KEEP_SIZE, 0, length));
    if (round % 50 == 0) note(6, fdatasync(file));
    if (round % 50 == 0) note(7, fsync(file));
  }
  int kinds = 0;
  for (int kind = 0; kind < 8; kind++) kinds += interrupted[kind] > 0;
  kinds += (short_reads > 0) + (short_writes > 0) + (single > 0);
  int wanted = 11;
  if (direct >= 0) {
    kinds += (direct_odd > 0) + (direct_pages > 0);
    wanted += 2;
  }
  printf("%d of %d kinds of calls were cut short or interrupted\n", kinds, wanted);
  return kinds == 0 ? 0 : kinds == wanted ? 2 : 1;
}
