// SPDX-License-Identifier: Apache-2.0
// Whole texts of requests that the official library wrote (tests/golden/debug).
#include "exporters/debug_text.h"

#include "debug_world.h"

namespace stint::debug_text {
namespace {

using otlp::Signal;

class Collected final : public Sink {
 public:
  void write(std::string_view piece) override {
    text.append(piece);
    sizes.push_back(piece.size());
  }
  std::string text;
  std::vector<std::size_t> sizes;
};

class DebugText : public testing::Test {
 protected:
  std::string shown(Signal signal, Verbosity verbosity, const std::vector<std::string>& requests) {
    Collected sink;
    write(signal, verbosity, batch_of(pool_, signal, requests).slices, sink);
    return sink.text;
  }
  void expect_golden(Signal signal, const std::string& name) {
    const std::string request = debug_golden(name + ".bin");
    EXPECT_EQ(shown(signal, Verbosity::normal, {request}), debug_golden(name + ".normal.txt"));
    EXPECT_EQ(shown(signal, Verbosity::detailed, {request}), debug_golden(name + ".detailed.txt"));
  }
  BlockPool pool_{64u << 20};
};

TEST_F(DebugText, ShowsEveryFieldOfTraces) { expect_golden(Signal::traces, "traces-full"); }
TEST_F(DebugText, ShowsEveryKindOfMetric) { expect_golden(Signal::metrics, "metrics-full"); }
TEST_F(DebugText, ShowsEveryFieldOfLogsAndEntities) { expect_golden(Signal::logs, "logs-full"); }
TEST_F(DebugText, ShowsValuesAsGoPrintsThem) { expect_golden(Signal::logs, "logs-values"); }
TEST_F(DebugText, ShowsNothingOfAnEmptyRequest) { expect_golden(Signal::traces, "traces-empty"); }

std::string with_number_two(std::string text, const std::string& title) {
  EXPECT_EQ(text.find(title + " #0\n"), 0u);
  return text.replace(0, title.size() + 4, title + " #2\n");
}

TEST_F(DebugText, NumbersResourcesThroughAllSlices) {
  const std::vector<std::string> requests = {debug_golden("traces-full.bin"), debug_golden("traces-empty.bin"),
                                             debug_golden("traces-second.bin")};
  EXPECT_EQ(shown(Signal::traces, Verbosity::detailed, requests),
            debug_golden("traces-full.detailed.txt") +
                with_number_two(debug_golden("traces-second.detailed.txt"), "ResourceSpans"));
  EXPECT_EQ(shown(Signal::traces, Verbosity::normal, requests),
            debug_golden("traces-full.normal.txt") +
                with_number_two(debug_golden("traces-second.normal.txt"), "ResourceTraces"));
}

TEST_F(DebugText, CountsResourcesAndMetricsOfAllSlices) {
  const std::string metrics = debug_golden("metrics-full.bin");
  const Counts counted = count(Signal::metrics, batch_of(pool_, Signal::metrics, {metrics, metrics}).slices);
  EXPECT_EQ(counted.resources, 4u);
  EXPECT_EQ(counted.metrics, 14u);
  const Counts of_traces =
      count(Signal::traces, batch_of(pool_, Signal::traces, {debug_golden("traces-full.bin")}).slices);
  EXPECT_EQ(of_traces.resources, 2u);
  EXPECT_EQ(of_traces.metrics, 0u);
}

TEST_F(DebugText, LeavesInPiecesOfWholeLines) {
  std::string request;
  for (int i = 0; i < 500; ++i) request.append(debug_golden("traces-full.bin"));
  Collected sink;
  write(Signal::traces, Verbosity::detailed, batch_of(pool_, Signal::traces, {request}).slices, sink);
  ASSERT_GT(sink.sizes.size(), 40u);
  std::size_t end = 0;
  for (const std::size_t size : sink.sizes) {
    EXPECT_LT(size, Writer::piece_bytes + 256);
    end += size;
    EXPECT_EQ(sink.text[end - 1], '\n');
  }
}

}  // namespace
}  // namespace stint::debug_text
