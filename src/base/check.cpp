// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace stint {
namespace {
CheckFailedHandler failed_handler = nullptr;
}

void set_check_failed_handler(CheckFailedHandler handler) { failed_handler = handler; }

void check_failed(const char* condition, const char* file, int line) {
  if (failed_handler != nullptr) failed_handler(condition, file, line);
  char text[512];
  const int size = std::snprintf(text, sizeof text, "check failed: %s (%s:%d)\n", condition, file, line);
  if (size > 0) {
    const auto written = ::write(2, text, static_cast<std::size_t>(size) < sizeof text ? size : sizeof text - 1);
    (void)written;
  }
  std::abort();
}

}  // namespace stint
