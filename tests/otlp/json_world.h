// SPDX-License-Identifier: Apache-2.0
// Requests in JSON and what they are in protobuf, for the tests of decode_json().
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <protozero/pbf_reader.hpp>
#include <string>

#include "base/log.h"
#include "otlp/json.h"
#include "otlp/write.h"

namespace stint::otlp {

struct Decoded {
  bool accepted = false;
  std::string protobuf;
  std::string refusal;
  Error error{};
  Counts counts;
  std::uint32_t repaired_strings = 0;
};

/// Decodes and checks what holds of every outcome: what is accepted passes the walk with the same counts.
inline Decoded decode(Signal signal, std::string_view json, std::size_t bytes_max = 4u << 20,
                      std::size_t pool_bytes = 8u << 20) {
  BlockPool pool(pool_bytes);
  Decoded decoded;
  // Of exactly its size, so that a read behind its end is seen.
  const std::unique_ptr<char[]> copy(new char[json.size()]);
  json.copy(copy.get(), json.size());
  const auto request = decode_json(signal, {copy.get(), json.size()}, pool, bytes_max, decoded.refusal);
  if (!request) {
    decoded.error = request.error();
    return decoded;
  }
  decoded.accepted = true;
  decoded.protobuf = request->protobuf.view();
  decoded.counts = request->counts;
  decoded.repaired_strings = request->repaired_strings;
  const auto walked = walk(signal, decoded.protobuf);
  EXPECT_TRUE(walked) << describe(walked.error());
  if (walked) {
    EXPECT_EQ(*walked, decoded.counts);
  }
  return decoded;
}

inline std::string refusal(Signal signal, std::string_view json) {
  const Decoded decoded = decode(signal, json);
  return decoded.accepted ? "accepted" : decoded.refusal;
}

/// Tag, length and payload.
inline std::string message(std::uint32_t number, std::string_view payload) {
  std::string text;
  MessageWriter(text).add_message(number, payload.data(), payload.size());
  return text;
}

/// One span, log record or metric inside a resource and a scope.
inline std::string item_json(Signal signal, std::string_view item) {
  const std::string prefixes[] = {R"({"resourceSpans":[{"scopeSpans":[{"spans":[)",
                                  R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[)",
                                  R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[)"};
  return prefixes[static_cast<std::size_t>(signal)] + std::string(item) + "]}]}]}";
}
inline std::string item_protobuf(std::string_view item) { return message(1, message(2, message(2, item))); }

/// What an item becomes, without its parents; the refusal if there is one.
inline std::string item(Signal signal, std::string_view json) {
  const Decoded decoded = decode(signal, item_json(signal, json));
  if (!decoded.accepted) return decoded.refusal;
  // The parents are short or long, but always the same three lengths.
  std::string_view rest = decoded.protobuf;
  for (int i = 0; i < 3; ++i) {
    protozero::pbf_reader reader(rest.data(), rest.size());
    EXPECT_TRUE(reader.next());
    const auto view = reader.get_view();
    rest = std::string_view(view.data(), view.size());
  }
  return std::string(rest);
}
inline std::string span(std::string_view json) { return item(Signal::traces, json); }
inline std::string log_record(std::string_view json) { return item(Signal::logs, json); }
inline std::string metric(std::string_view json) { return item(Signal::metrics, json); }

/// What the value in a log record's body becomes; the refusal if there is one.
inline std::string any_value(std::string_view json) {
  std::string record = log_record("{\"body\":" + std::string(json) + "}");
  if (record.empty() || record[0] != (5 << 3 | 2)) return record;
  protozero::pbf_reader reader(record.data(), record.size());
  EXPECT_TRUE(reader.next());
  return reader.get_string();
}

}  // namespace stint::otlp
