// SPDX-License-Identifier: Apache-2.0
// What a section of a configuration decodes to, and what is said about it, for the tests of components' keys.
#pragma once

#include <string>

#include "config/schema.h"
#include "config/worlds.h"

namespace stint::config {

/// A document decoded as `Config`, which is as it is afterwards; `said` has everything that was said.
template <typename Config>
struct Decoded {
  explicit Decoded(std::string document, Variables variables = {}) {
    World world(std::move(variables));
    const std::optional<Node> root = world.document(std::move(document));
    good = root && decode(*root, config, Path{}, world.diagnostics);
    said = world.said();
  }

  bool good = false;
  Config config;
  std::string said;
};

}  // namespace stint::config
