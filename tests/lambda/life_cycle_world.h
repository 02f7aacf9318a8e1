// SPDX-License-Identifier: Apache-2.0
// The life of the extension with a small platform and a graph whose components record what the life cycle asks of them,
// as the fixture of its tests.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/taken_log.h"
#include "config/worlds.h"
#include "lambda/fake_platform.h"
#include "lambda/life_cycle.h"
#include "runtime/epoll_loop.h"

namespace stint::lambda {

// What the graph was asked, and how its exporter behaves. One at a time: the tables of components are constants.
struct GraphRecord {
  std::vector<std::string>* order = nullptr;
  std::vector<Deadline> flushes, stops;
  bool flush_never_ends = false;  // but for its deadline
};
inline GraphRecord* record = nullptr;

class RecordedReceiver final : public Receiver {
 public:
  struct Config {};
  RecordedReceiver(ComponentContext&, std::string, Config) {}
  void connect(otlp::Signal, Consumer&) override {}
  Task<Result<>> start() override {
    record->order->push_back("bound");
    co_return Result<>();
  }
};
constexpr auto fields_of(RecordedReceiver::Config*) { return config::fields(); }

class RecordedExporter final : public Exporter {
 public:
  struct Config {};
  RecordedExporter(ComponentContext& context, std::string, Config) : context_(context) {}
  Task<Result<>> consume(Batch) override { co_return Result<>(); }
  Activity activity() const override { return Activity::idle; }
  Task<Result<>> flush(Deadline deadline) override {
    record->order->push_back("flush");
    record->flushes.push_back(deadline);
    if (record->flush_never_ends) {
      const Result<> slept = co_await context_.runtime.sleep_until(context_.runtime.monotonic(deadline));
      record->order->push_back(slept ? "flush-late" : "flush-cancelled");
    }
    co_return Result<>();
  }
  Task<> stop(Deadline deadline) override {
    record->order->push_back("stop");
    record->stops.push_back(deadline);
    co_return;
  }

 private:
  ComponentContext& context_;
};
constexpr auto fields_of(RecordedExporter::Config*) { return config::fields(); }

inline constexpr ReceiverType receiver_types[] = {receiver_type<RecordedReceiver>("in", "for tests")};
inline constexpr ExporterType exporter_types[] = {exporter_type<RecordedExporter>("out", "for tests")};
inline constexpr ComponentTable table{receiver_types, {}, exporter_types};
inline constexpr std::string_view document =
    "receivers: {in: }\nexporters: {out: }\nservice: {pipelines: {traces: {receivers: [in], exporters: [out]}}}\n";

class LifeCycleWorld : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "life_cycle_XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    settings_.account_id_path = folder_ + "/account";
    settings_.idle_http_endpoints = settings_.idle_grpc_endpoints = {"127.0.0.1:0"};
    record_.order = &platform_.order;
    record = &record_;
    std::optional<config::Node> root = world_.document(std::string(document));
    ASSERT_TRUE(root);
    const config::ServiceConfig service = config::decode_service(std::move(*root), world_.diagnostics);
    graph_ = Graph::make(service, table, context_, world_.diagnostics);
    ASSERT_NE(graph_, nullptr) << world_.said();
  }
  void TearDown() override {
    record = nullptr;
    ::unlink(settings_.account_id_path.c_str());
    ::rmdir(folder_.c_str());
  }

  /// Runs a life beside `script`, which plays the platform; both have to end.
  void run(Task<> script) {
    runtime_.run(live(std::move(script)));
    EXPECT_EQ(loop_.operations_in_flight(), 0u);
    EXPECT_LE(platform_.next_outstanding_max, 1u);
  }
  Task<> live(Task<> script) {
    LifeCycle life(runtime_, pool_, copies_, data_, platform_.endpoint(),
                   platform_.register_extension(settings_.managed_instances), settings_);
    Scope scope(runtime_);
    scope.spawn(std::move(script));
    TerminationSignals* const signals = signals_ ? &*signals_ : nullptr;
    if (error_.empty()) {
      exit_code_ = co_await life.run(*graph_, signals);
    } else {
      exit_code_ = co_await life.run_idle(error_, signals);
    }
    co_await scope.join();
    co_await platform_.stop();
  }
  std::int64_t in_ms(std::int64_t ms) {
    return std::chrono::duration_cast<Milliseconds>(runtime_.epoch_now().time_since_epoch()).count() + ms;
  }
  void shut_down() { platform_.shut_down(in_ms(2000)); }

  std::string account_target() const {
    char text[64];
    const ssize_t size = ::readlink(settings_.account_id_path.c_str(), text, sizeof text);
    return size < 0 ? "none" : std::string(text, static_cast<std::size_t>(size));
  }

  TakenLog log_;
  EpollLoop loop_;
  Runtime runtime_{loop_};
  BlockPool pool_{16u << 20};
  CopyCounters copies_;
  DataCounters data_;
  Notifier changed_{runtime_};
  config::FixedEnvironment environment_;
  ComponentContext context_{runtime_, pool_, copies_, data_, changed_, environment_};
  config::World world_;
  FakePlatform platform_{runtime_};
  GraphRecord record_;
  std::unique_ptr<Graph> graph_;
  LifeCycleSettings settings_;
  std::optional<TerminationSignals> signals_;
  std::string folder_, error_;
  std::int64_t deadline_ms_ = 0;
  int exit_code_ = -1;
};

}  // namespace stint::lambda
