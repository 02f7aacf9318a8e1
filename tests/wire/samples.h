// SPDX-License-Identifier: Apache-2.0
// Texts for the tests of the codecs: one that compresses well, one that does not. The same in each run.
#pragma once

#include <random>
#include <string>

namespace stint::wire {

inline std::string text_of(std::size_t size) {
  std::minstd_rand random(42);
  std::string text;
  while (text.size() < size) text += "attribute." + std::to_string(random() % 1000) + "=value ";
  text.resize(size);
  return text;
}

inline std::string noise_of(std::size_t size) {
  std::minstd_rand random(7);
  std::string noise(size, '\0');
  for (char& c : noise) c = static_cast<char>(random() >> 8);
  return noise;
}

}  // namespace stint::wire
