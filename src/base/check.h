// SPDX-License-Identifier: Apache-2.0
// Checks of what must hold in our own code, in production too. Never for input: bad input is a Result.
#pragma once

namespace stint {

/// Called with the failed condition's text; must not return. The default writes one line to stderr and aborts.
using CheckFailedHandler = void (*)(const char* condition, const char* file, int line);
void set_check_failed_handler(CheckFailedHandler handler);
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace stint

#define STINT_CHECK(condition) \
  (__builtin_expect(!!(condition), 1) ? (void)0 : ::stint::check_failed(#condition, __FILE__, __LINE__))
