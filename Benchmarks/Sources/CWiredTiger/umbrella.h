// WiredTiger, and what Swift cannot call of it: the members of a cursor that take any number of arguments.
#pragma once
#include <wiredtiger.h>

static inline void benchmark_wt_set_key(WT_CURSOR *cursor, const void *bytes, size_t size) {
  WT_ITEM item = {.data = bytes, .size = size};
  cursor->set_key(cursor, &item);
}

static inline void benchmark_wt_set_value(WT_CURSOR *cursor, const void *bytes, size_t size) {
  WT_ITEM item = {.data = bytes, .size = size};
  cursor->set_value(cursor, &item);
}

static inline int benchmark_wt_get_key(WT_CURSOR *cursor, WT_ITEM *item) { return cursor->get_key(cursor, item); }

static inline int benchmark_wt_get_value(WT_CURSOR *cursor, WT_ITEM *item) { return cursor->get_value(cursor, item); }
