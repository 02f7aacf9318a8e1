// SPDX-License-Identifier: Apache-2.0
// OTLP requests as JSON objects, one per span, data point and log record, each with its parentage, for programs that
// compare. Numbers of 64 bits and bytes are text (decimal, hexadecimal).
#pragma once

#include <string_view>

#include "otlp/view.h"
#include "tools/lambda/json_writer.h"

namespace stint::platform {

/// Appends one object per item to the open array. Requires: walk() accepted `request`.
void write_items(JsonWriter& json, otlp::Signal signal, std::string_view request);

}  // namespace stint::platform
