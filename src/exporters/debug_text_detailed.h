// SPDX-License-Identifier: Apache-2.0
// What the detailed texts of the three signals share.
#pragma once

#include "exporters/debug_text.h"
#include "otlp/view.h"

namespace stint::debug_text {

/// The header and a line per attribute, moved right by `indent`; nothing at all when there are none.
void write_attributes(std::string_view header, const otlp::Attributes& attributes, Writer& out,
                      std::string_view indent = {});

/// A metric with its data points.
void write_metric(std::uint64_t number, const otlp::Metric& metric, Writer& out);

}  // namespace stint::debug_text
