// SPDX-License-Identifier: Apache-2.0
// The traffic of the load benchmark: trace requests as an SDK sends them, written and counted by code of the
// benchmark's own. Every span that is sent has an id of its own, so that a lost span cannot hide behind a doubled one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace load_bench {

/// How many spans, and which: equal tallies are the same spans (but for chance).
struct Tally {
  std::uint64_t spans = 0;
  std::uint64_t sum = 0;  // of all span ids
  std::uint64_t mix = 0;  // exclusive or of the same

  void add(std::uint64_t id);
  void add(const Tally& other);
  friend bool operator==(const Tally&, const Tally&) = default;
};

/// One HTTP request with a trace request as its body. The span ids in it are set before each sending.
struct Message {
  std::string bytes;
  std::size_t body_size = 0;
  std::vector<std::size_t> id_positions;  // in bytes
};

/// A message of `spans` spans, about 250 octets each, ten attributes each, ten spans to a trace. `seed` decides the
/// values.
Message make_message(std::size_t spans, std::uint64_t seed);

/// Writes the next ids of `sequence` into a copy of a message. Returns what it now holds.
Tally set_ids(const Message& message, std::string& copy, std::uint64_t& sequence);

/// What a trace request holds. Nothing: it is none.
std::optional<Tally> count_spans(std::string_view request);

/// The lengths of the HTTP message that `received` begins with. Nothing: its head is not whole yet.
struct Frame {
  std::size_t head = 0;
  std::size_t body = 0;
  std::size_t size() const { return head + body; }
};
std::optional<Frame> frame_of(std::string_view received);

}  // namespace load_bench
