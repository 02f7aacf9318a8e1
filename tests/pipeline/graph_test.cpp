// SPDX-License-Identifier: Apache-2.0
// The graph: which components it makes of a document, how it joins them, what it refuses, and in which order it stops.
#include "pipeline/graph.h"

#include <gtest/gtest.h>

#include "config/expand.h"
#include "pipeline/component_world.h"
#include "pipeline/consumers.h"
#include "pipeline/fan_out.h"

namespace stint {
namespace {

std::vector<std::string> calls;  // what the components of a test saw, in order

struct TestConfig {
  std::string label;
};
constexpr auto fields_of(TestConfig*) {
  return config::fields(config::field<&TestConfig::label>("label", "a name for the test"));
}
struct NeedyConfig {
  std::string endpoint;
};
constexpr auto fields_of(NeedyConfig*) {
  return config::fields(config::field<&NeedyConfig::endpoint>("endpoint", "has no default", config::required));
}

class TestReceiver final : public Receiver {
 public:
  using Config = TestConfig;
  TestReceiver(ComponentContext&, std::string id, Config) : id_(std::move(id)) { last = this; }
  void connect(otlp::Signal signal, Consumer& next) override { next_[static_cast<std::size_t>(signal)] = &next; }
  Task<Result<>> start() override {
    calls.push_back("start " + id_);
    co_return Result<>();
  }
  Task<> stop(Deadline) override {
    calls.push_back("stop " + id_);
    co_return;
  }
  Consumer* next(otlp::Signal signal) { return next_[static_cast<std::size_t>(signal)]; }
  static inline TestReceiver* last = nullptr;

 private:
  std::string id_;
  Consumer* next_[3] = {};
};

class TestProcessor : public Processor {
 public:
  using Config = TestConfig;
  TestProcessor(ComponentContext&, std::string id, Config config, otlp::Signal, Consumer* next)
      : id_(std::move(id)), label_(std::move(config.label)), next_(*next) {}
  Task<Result<>> start() override {
    calls.push_back("start " + id_);
    co_return Result<>();
  }
  Task<Result<>> consume(Batch batch) override {
    calls.push_back("through " + id_ + label_);
    return next_.consume(std::move(batch));
  }
  Activity activity() const override { return next_.activity(); }
  std::string_view follow_acceptance() override { return label_; }
  Task<Result<>> flush(Deadline) override {
    calls.push_back("flush " + id_);
    co_return Result<>();
  }
  Task<> stop(Deadline) override {
    calls.push_back("stop " + id_);
    co_return;
  }

 private:
  std::string id_, label_;
  Consumer& next_;
};

class AcceptingProcessor final : public TestProcessor {
 public:
  using TestProcessor::TestProcessor;
  bool accepts() const override { return true; }
};

class TestExporter final : public Exporter {
 public:
  using Config = TestConfig;
  TestExporter(ComponentContext&, std::string id, Config) : id_(std::move(id)) {}
  Task<Result<>> start() override {
    calls.push_back("start " + id_);
    co_return Result<>();
  }
  Task<Result<>> consume(Batch batch) override {
    calls.push_back(concat(id_, " got ", batch.items, " ", name(batch.signal)));
    co_return Result<>();
  }
  Activity activity() const override { return Activity::idle; }
  Task<Result<>> flush(Deadline) override {
    calls.push_back("flush " + id_);
    co_return Result<>();
  }
  void hurry(Deadline) override { calls.push_back("hurry " + id_); }
  Task<> stop(Deadline) override {
    calls.push_back("stop " + id_);
    co_return;
  }

 private:
  std::string id_;
};

class NeedyExporter final : public Exporter {
 public:
  using Config = NeedyConfig;
  NeedyExporter(ComponentContext&, std::string, Config) {}
  Task<Result<>> consume(Batch) override { co_return Result<>(); }
  Activity activity() const override { return Activity::idle; }
};

constexpr ReceiverType receivers[] = {receiver_type<TestReceiver>("in", "for the test")};
constexpr ProcessorType processors[] = {
    processor_type<TestProcessor>("through", "for the test"),
    processor_type<AcceptingProcessor>("accepting", "for the test"),
    processor_type<TestProcessor>("onlytraces", "for the test", signal_bit(otlp::Signal::traces))};
constexpr ExporterType exporters[] = {exporter_type<TestExporter>("out", "for the test"),
                                      exporter_type<NeedyExporter>("needy", "for the test")};
constexpr ComponentTable table{receivers, processors, exporters};

class GraphTest : public ComponentWorld {
 protected:
  GraphTest() { calls.clear(); }
  std::unique_ptr<Graph> make(std::string_view text) {
    diagnostics = config::Diagnostics();
    const config::YamlProvider yaml;
    const config::Provider* const providers[] = {&yaml};
    auto root = config::load(concat("yaml:", text), providers, diagnostics);
    EXPECT_TRUE(root) << diagnostics.errors_text();
    const config::ServiceConfig service = config::decode_service(std::move(*root), diagnostics);
    return Graph::make(service, table, context, diagnostics);
  }
  config::Diagnostics diagnostics;
};

Task<> pass_through(GraphTest& test, Graph& graph) {
  co_await graph.start();
  Batch batch = spans_batch(test.pool, 2);
  Consumer* const next = TestReceiver::last->next(otlp::Signal::traces);
  EXPECT_TRUE(co_await next->consume(std::move(batch)));
  EXPECT_TRUE(co_await graph.flush(Deadline::never()));
  co_await graph.stop(Deadline::never());
}

TEST_F(GraphTest, StartsFromTheExportersAndFlushesAndStopsFromTheReceivers) {
  const auto graph = make(
      "{receivers: {in: }, processors: {through/a: {label: A}, through/b: }, exporters: {out: }, service: {pipelines: "
      "{traces: {receivers: [in], processors: [through/a, through/b], exporters: [out]}}}}");
  ASSERT_NE(graph, nullptr) << diagnostics.errors_text();
  run(pass_through(*this, *graph));
  EXPECT_EQ(calls, (std::vector<std::string>{"start out", "start through/b", "start through/a", "start in",
                                             "through through/aA", "through through/b", "out got 2 traces",
                                             "flush through/a", "flush through/b", "flush out", "hurry out", "stop in",
                                             "stop through/a", "stop through/b", "stop out"}));
}

TEST_F(GraphTest, WarnsOfAProcessorThatDoesNotLikeToStandBehindOneThatAccepts) {
  const auto graph = make(
      "{receivers: {in: }, processors: {through/first: {label: is first}, accepting: , through/quiet: , through/last: "
      "{label: is late}}, exporters: {out: }, service: {pipelines: {traces: {receivers: [in], processors: "
      "[through/first, accepting, through/quiet, through/last], exporters: [out]}}}}");
  ASSERT_NE(graph, nullptr) << diagnostics.errors_text();
  ASSERT_EQ(diagnostics.list().size(), 1u);
  EXPECT_EQ(diagnostics.list()[0].message, "'through/last' is late");
}

TEST_F(GraphTest, SharesReceiversAndExportersAndFansOut) {
  const auto graph = make(
      "{receivers: {in: }, exporters: {out/1: , out/2: }, service: {pipelines: {traces: {receivers: [in], exporters: "
      "[out/1, out/2]}, traces/more: {receivers: [in], exporters: [out/1]}, logs: {receivers: [in], exporters: "
      "[out/2]}}}}");
  ASSERT_NE(graph, nullptr) << diagnostics.errors_text();
  run(pass_through(*this, *graph));
  EXPECT_EQ(std::count(calls.begin(), calls.end(), "start out/1"), 1);
  EXPECT_EQ(std::count(calls.begin(), calls.end(), "start in"), 1);
  EXPECT_EQ(std::count(calls.begin(), calls.end(), "out/1 got 2 traces"), 2);
  EXPECT_EQ(std::count(calls.begin(), calls.end(), "out/2 got 2 traces"), 1);
  EXPECT_EQ(TestReceiver::last->next(otlp::Signal::metrics), nullptr);
  EXPECT_EQ(copies.copies + copies.gathers, 0u);
}

TEST_F(GraphTest, TakesTheDefaultsOfAnUndefinedComponentWithOneWarning) {
  const auto graph = make(
      "{receivers: {in: }, exporters: {out: }, service: {pipelines: {traces: {receivers: [in], processors: [through], "
      "exporters: [out]}, logs: {receivers: [in], processors: [through], exporters: [out]}}}}");
  ASSERT_NE(graph, nullptr) << diagnostics.errors_text();
  ASSERT_EQ(diagnostics.list().size(), 1u);
  EXPECT_NE(diagnostics.list()[0].message.find("'through' is used but not defined"), std::string::npos);
}

TEST_F(GraphTest, RefusesWhatCannotBeJoinedByName) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"receivers: [in], exporters: [needy]", "has keys without a default"},
      {"receivers: [in], exporters: [nowhere]", "neither defined"},
      {"receivers: [in], processors: [onlytraces], exporters: [out]", "does not take logs"},
  };
  for (const auto& [pipeline, message] : cases) {
    const auto graph =
        make(concat("{receivers: {in: }, exporters: {out: }, service: {pipelines: {logs: {", pipeline, "}}}}"));
    EXPECT_EQ(graph, nullptr);
    EXPECT_NE(diagnostics.errors_text().find(message), std::string::npos) << diagnostics.errors_text();
  }
}

TEST_F(GraphTest, ChecksSectionsThatNoPipelineUses) {
  const auto graph = make(
      "{receivers: {in: }, exporters: {out: , needy: {endpont: x}, strange: }, service: {pipelines: {logs: {receivers: "
      "[in], exporters: [out]}}}}");
  EXPECT_EQ(graph, nullptr);
  EXPECT_NE(diagnostics.errors_text().find("exporters::needy::endpont"), std::string::npos);
  EXPECT_NE(diagnostics.errors_text().find("unknown type 'strange'"), std::string::npos);
}

Task<> fan_out_errors(GraphTest& test, std::vector<Error> errors, Result<>& result) {
  KeepingConsumer a(test.runtime), b(test.runtime);
  if (errors.size() > 0) a.errors = {errors[0]};
  if (errors.size() > 1) b.errors = {errors[1]};
  FanOut fan_out(test.context, {&a, &b});
  Batch batch = spans_batch(test.pool, 1);
  result = co_await fan_out.consume(std::move(batch));
}
TEST_F(GraphTest, AFanOutSaysTheWorstOfItsAnswers) {
  Result<> result;
  run(fan_out_errors(*this, {}, result));
  EXPECT_TRUE(result);
  run(fan_out_errors(*this, {Error{ErrorCode::retryable}}, result));
  EXPECT_EQ(result.error().code, ErrorCode::retryable);
  run(fan_out_errors(*this, {Error{ErrorCode::retryable}, Error{ErrorCode::permanent}}, result));
  EXPECT_EQ(result.error().code, ErrorCode::permanent);
}

}  // namespace
}  // namespace stint
