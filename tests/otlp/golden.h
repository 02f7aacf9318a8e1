// SPDX-License-Identifier: Apache-2.0
// The golden requests of tests/golden/otlp, and slices and parts in the form that tests want.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/block.h"
#include "base/slices.h"
#include "otlp/golden_dir.h"
#include "otlp/split.h"
#include "otlp/walk.h"

namespace stint::otlp {

inline std::string read_file(const std::string& path) {
  std::string text;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (file == nullptr) return ADD_FAILURE() << path << " cannot be read", text;
  char buffer[4096];
  for (std::size_t size; (size = std::fread(buffer, 1, sizeof buffer, file.get())) > 0;) text.append(buffer, size);
  return text;
}

inline std::string golden(const std::string& name) {
  return read_file(std::string(STINT_GOLDEN_DIR) + "/otlp/" + name + ".bin");
}

/// A line of expected.txt.
struct Golden {
  std::string name;
  Signal signal;
  Counts counts;
};

inline std::vector<Golden> all_golden() {
  std::vector<Golden> result;
  const std::string text = read_file(std::string(STINT_GOLDEN_DIR) + "/otlp/expected.txt");
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    char name[64], signal[16];
    Counts counts;
    if (std::sscanf(text.c_str() + begin, "%63s %15s %u %u %u %u %u", name, signal, &counts.resources, &counts.scopes,
                    &counts.metrics, &counts.items, &counts.invalid_utf8) == 7) {
      result.push_back(Golden{name, parse_signal(signal).value(), counts});
    }
    begin = end + 1;
  }
  EXPECT_GT(result.size(), 15u);
  return result;
}

/// A pool with an arena, and requests as slices of it.
struct World {
  explicit World(std::size_t bytes_max = 8u << 20) : pool(bytes_max) {}

  Slice slice(std::string_view bytes) { return slice_of(pool, bytes); }
  std::vector<Slice> request(std::string_view bytes) {
    std::vector<Slice> slices;
    slices.push_back(slice(bytes));
    return slices;
  }

  BlockPool pool;
  CopyCounters counters;
  Arena arena{pool, counters};
};

inline std::string bytes_of(const std::vector<Slice>& slices) {
  std::string bytes;
  for (const Slice& slice : slices) bytes.append(slice.view());
  return bytes;
}

}  // namespace stint::otlp
