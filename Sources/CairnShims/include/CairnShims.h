// The few C inlines that Swift cannot say.
#pragma once
