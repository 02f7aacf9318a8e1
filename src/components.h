// SPDX-License-Identifier: Apache-2.0
// The table of components: every type that a configuration may name has its row in components.cpp, and nowhere else.
// The program and the simulated world are made from the same one.
#pragma once

#include "pipeline/graph.h"

namespace stint {

const ComponentTable& component_table();

}  // namespace stint
