#include <stdatomic.h>

#include "CairnShims.h"

uint32_t cairn_thread_number(void) {
  static _Atomic uint32_t count;
  // One more than the number; 0 before the first call.
  static _Thread_local uint32_t own;
  if (own == 0) {
    own = atomic_fetch_add_explicit(&count, 1, memory_order_relaxed) + 1;
    if (own == 0) own = 1;
  }
  return own - 1;
}
