// The few C inlines that Swift cannot say.
#pragma once
#include "crc32c.h"
