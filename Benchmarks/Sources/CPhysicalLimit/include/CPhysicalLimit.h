#pragma once
#include "physical_limit.h"
#include "processor_rates.h"
