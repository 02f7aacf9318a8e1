// SPDX-License-Identifier: Apache-2.0
// Bytes that nobody should send: cut at every place, changed in every byte. Whatever the walk accepts, everything
// behind it must bear; what that reads outside the request, the address sanitizer finds.
#include "otlp/golden.h"
#include "otlp/repair.h"
#include "otlp/view.h"

namespace stint::otlp {
namespace {

std::size_t visit(const AnyValue& value) {
  std::size_t seen = 1 + value.text.size();
  for (const AnyValue inner : value.array()) seen += visit(inner);
  for (const KeyValue inner : value.map()) seen += inner.key.size() + visit(inner.value);
  return seen;
}

std::size_t visit(const Attributes& attributes) {
  std::size_t seen = 0;
  for (const KeyValue attribute : attributes) seen += attribute.key.size() + visit(attribute.value);
  return seen;
}

std::size_t visit(const Span& span) {
  std::size_t seen = visit(span.attributes);
  for (const Event event : span.events) seen += visit(event.attributes);
  for (const Link link : span.links) seen += visit(link.attributes);
  return seen;
}

std::size_t visit(const Metric& metric) {
  std::size_t seen = visit(metric.metadata);
  for (const std::string_view bytes : metric.points) {
    const DataPoint point(metric.kind, bytes);
    seen += 1 + visit(point.attributes) + point.bucket_counts.size() + point.positive.bucket_counts.size();
    for (const Exemplar exemplar : point.exemplars) seen += visit(exemplar.filtered_attributes);
    for (const ValueAtQuantile value : point.quantile_values) seen += value.value > 0;
  }
  return seen;
}

std::size_t visit(Signal signal, std::string_view bytes) {
  std::size_t seen = 0;
  for (const ResourceEntry entry : Request(bytes).resources) {
    seen += visit(entry.resource.attributes);
    for (const ScopeEntry scope : entry.scopes) {
      seen += visit(scope.scope.attributes);
      if (signal == Signal::traces) {
        for (const Span span : scope.spans) seen += visit(span);
      } else if (signal == Signal::metrics) {
        for (const Metric metric : scope.metrics) seen += visit(metric);
      } else {
        for (const LogRecord record : scope.log_records) seen += visit(record.body) + visit(record.attributes);
      }
    }
  }
  return seen;
}

/// Walks `bytes` in a block of exactly their size; what is accepted is viewed, split and repaired too.
bool survives(Signal signal, std::string_view bytes) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  const std::string_view request(exact.data(), exact.size());
  const auto counts = walk(signal, request);
  if (!counts) {
    EXPECT_EQ(describe(counts.error()).find("malformed: "), std::string::npos);  // a sentence, not a bare code
    return false;
  }
  visit(signal, request);
  World world;
  const auto parts = split(signal, world.request(request), {.items_max = 1}, world.arena);
  if (!parts) return ADD_FAILURE(), false;
  std::size_t items = 0;
  for (const Part& part : *parts) items += part.items;
  EXPECT_EQ(items, counts->items);
  const auto repaired = repair(signal, world.slice(request), world.arena);
  if (!repaired) return ADD_FAILURE(), false;
  EXPECT_EQ(repaired->strings, counts->invalid_utf8);
  const auto again = walk(signal, bytes_of(repaired->slices));
  if (!again) return ADD_FAILURE() << describe(again.error()), false;
  EXPECT_EQ(again->invalid_utf8, 0u);
  EXPECT_EQ(again->items, counts->items);
  return true;
}

TEST(MalformedRequests, AreRefusedWhereverTheyAreCut) {
  for (const std::string_view name : {"traces", "metrics", "logs"}) {
    const Signal signal = parse_signal(name).value();
    const std::string bytes = golden(std::string(name) + "-invalid");
    ASSERT_TRUE(walk(signal, bytes));
    // It is one entry, so that only nothing is a request too.
    EXPECT_TRUE(walk(signal, ""));
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      const std::vector<char> exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut));
      ASSERT_FALSE(walk(signal, std::string_view(exact.data(), exact.size()))) << cut;
    }
  }
}

TEST(MalformedRequests, NeverBreakUsWhicheverByteIsChanged) {
  for (const std::string_view name : {"traces", "metrics", "logs"}) {
    const Signal signal = parse_signal(name).value();
    const std::string good = golden(std::string(name) + "-invalid");
    const std::size_t step = good.size() / 600 + 1;
    std::size_t accepted = 0, refused = 0;
    for (std::size_t place = 0; place < good.size(); place += step) {
      for (const int change : {0x01, 0x02, 0x04, 0x08, 0x80, 0xff}) {
        std::string bad = good;
        bad[place] = static_cast<char>(bad[place] ^ change);
        (survives(signal, bad) ? accepted : refused) += 1;
      }
    }
    EXPECT_GT(accepted, 50u);
    EXPECT_GT(refused, 50u);
  }
}

TEST(MalformedRequests, NeverBreakUsWhateverTheByteBecomes) {
  for (const std::string_view name : {"traces-empty", "metrics-empty", "logs-empty", "metrics-unpacked"}) {
    const Signal signal = parse_signal(name.substr(0, name.find('-'))).value();
    const std::string good = golden(std::string(name));
    for (std::size_t place = 0; place < good.size(); ++place) {
      for (int value = 0; value < 256; ++value) {
        std::string bad = good;
        bad[place] = static_cast<char>(value);
        survives(signal, bad);
      }
    }
  }
}

TEST(MalformedRequests, NeverBreakUsWhenRandom) {
  std::uint64_t state = 42;
  const auto next = [&state] { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 33; };
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    for (std::size_t i = next() % 40; i > 0; --i)
      bytes.push_back(static_cast<char>(next() % 3 == 0 ? next() : next() % 32));
    for (const Signal signal : all_signals) survives(signal, bytes);
  }
}

}  // namespace
}  // namespace stint::otlp
