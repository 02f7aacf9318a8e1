// SPDX-License-Identifier: Apache-2.0
// The exporters debug and logging: whole lines in their three forms, sampling, what is counted.
#include "exporters/debug.h"

#include "debug_world.h"
#include "pipeline/component_parts.h"
#include "wire/json_writer.h"

namespace stint {
namespace {

using debug_text::Verbosity;
using otlp::Signal;

class DebugExporterTest : public testing::Test, public ComponentParts<StillLoop> {
 public:
  DebugExporterTest() { set_log_level(LogLevel::info); }
  ~DebugExporterTest() override {
    EXPECT_EQ(pool.blocks_in_use(), 0u);
    set_log_level(LogLevel::info);
  }

  static Task<> start_one(DebugExporter& exporter, Result<>& started) { started = co_await exporter.start(); }
  static Task<> consume_one(DebugExporter& exporter, Batch batch, Result<>& consumed) {
    consumed = co_await exporter.consume(std::move(batch));
  }

  std::unique_ptr<DebugExporter> made(DebugConfig config, const std::string& id = "debug") {
    auto exporter = std::make_unique<DebugExporter>(context, id, std::move(config), pipe.writer());
    start(*exporter);
    return exporter;
  }
  void start(DebugExporter& exporter) {
    Result<> started;
    runtime.run(start_one(exporter, started));
    EXPECT_TRUE(started);
  }
  /// What one batch puts on standard output.
  std::string shown(DebugExporter& exporter, Signal signal, const std::vector<std::string>& requests) {
    Result<> consumed;
    runtime.run(consume_one(exporter, batch_of(pool, signal, requests), consumed));
    EXPECT_TRUE(consumed);
    EXPECT_EQ(exporter.activity(), Activity::idle);
    return pipe.read();
  }

  Pipe pipe;
};

constexpr std::string_view instance = "11111111-1111-4111-9111-111111111111";

std::string json_line(std::string_view message, std::string_view id, std::string_view signal, std::string_view counts) {
  // Nanoseconds of this century do not fit a float64 to the last digit: the reference has the same 2499998.
  std::string line = R"({"level":"info","ts":1735732800.2499998,"msg":)";
  wire::append_json_string(line, message);
  return line + concat(R"(,"resource":{"service.instance.id":")", instance,
                       R"(","service.name":"otelcol-lambda","service.version":")", DebugExporter::service_version(),
                       R"("},"otelcol.component.id":")", id,
                       R"(","otelcol.component.kind":"exporter","otelcol.signal":")", signal, '"', counts, "}\n");
}

TEST_F(DebugExporterTest, CountsABatchInOneLine) {
  const auto debug = made({}, "debug/first look");
  EXPECT_EQ(shown(*debug, Signal::traces, {debug_golden("traces-full.bin"), debug_golden("traces-second.bin")}),
            json_line("Traces", "debug/first look", "traces", R"(,"resource spans":3,"spans":10)"));
  EXPECT_EQ(
      shown(*debug, Signal::metrics, {debug_golden("metrics-full.bin")}),
      json_line("Metrics", "debug/first look", "metrics", R"(,"resource metrics":2,"metrics":7,"data points":17)"));
  EXPECT_EQ(shown(*debug, Signal::logs, {debug_golden("logs-full.bin")}),
            json_line("Logs", "debug/first look", "logs", R"(,"resource logs":2,"log records":7)"));
  EXPECT_EQ(data.delivered, 10u + 17 + 7);
}

TEST_F(DebugExporterTest, PutsAllOfABatchIntoASecondLine) {
  DebugConfig config;
  config.verbosity = Verbosity::detailed;
  const auto debug = made(config);
  EXPECT_EQ(shown(*debug, Signal::traces, {debug_golden("traces-full.bin")}),
            json_line("Traces", "debug", "traces", R"(,"resource spans":2,"spans":9)") +
                json_line(debug_golden("traces-full.detailed.txt"), "debug", "traces", ""));
  config.verbosity = Verbosity::normal;
  const auto normal = made(config);
  EXPECT_EQ(shown(*normal, Signal::logs, {debug_golden("logs-values.bin")}),
            json_line("Logs", "debug", "logs", R"(,"resource logs":1,"log records":22)") +
                json_line(debug_golden("logs-values.normal.txt"), "debug", "logs", ""));
}

TEST_F(DebugExporterTest, PrintsJsonOnLambdaWhateverTheFunctionsLogFormatIs) {
  const std::string expected = json_line("Traces", "debug", "traces", R"(,"resource spans":1,"spans":1)");
  for (const char* const format : {"Text", "JSON"}) {
    environment = config::FixedEnvironment(config::FixedEnvironment::Variables{
        {"AWS_LAMBDA_LOG_FORMAT", format}, {"AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"}});
    EXPECT_EQ(shown(*made({}), Signal::traces, {debug_golden("traces-second.bin")}), expected);
  }
  environment = config::FixedEnvironment(config::FixedEnvironment::Variables{{"AWS_LAMBDA_LOG_FORMAT", "JSON"}});
  EXPECT_EQ(shown(*made({}), Signal::traces, {debug_golden("traces-second.bin")}), expected);
}

TEST_F(DebugExporterTest, PrintsPlainLinesOutsideLambdaWhenToldTo) {
  environment = config::FixedEnvironment(config::FixedEnvironment::Variables{{"AWS_LAMBDA_LOG_FORMAT", "Text"}});
  DebugConfig config;
  config.verbosity = Verbosity::normal;
  const std::string fields = concat(
      R"("resource": {"service.instance.id": ")", instance,
      R"(", "service.name": "otelcol-lambda", "service.version": ")", DebugExporter::service_version(),
      R"("}, "otelcol.component.id": "debug", "otelcol.component.kind": "exporter", "otelcol.signal": "traces")");
  EXPECT_EQ(
      shown(*made(config), Signal::traces, {debug_golden("traces-second.bin")}),
      concat("2025-01-01T12:00:00.250Z\tinfo\tTraces\t{", fields, R"(, "resource spans": 1, "spans": 1})",
             "\n2025-01-01T12:00:00.250Z\tinfo\t", debug_golden("traces-second.normal.txt"), "\t{", fields, "}\n"));
}

TEST_F(DebugExporterTest, PrintsTextsAloneWithoutTheInternalLogger) {
  DebugConfig config;
  config.verbosity = Verbosity::normal;
  config.use_internal_logger = false;
  const std::string expected =
      "Traces\t{\"resource spans\": 1, \"spans\": 1}\n" + debug_golden("traces-second.normal.txt") + "\n";
  set_log_level(LogLevel::error);  // of no consequence here
  EXPECT_EQ(shown(*made(config), Signal::traces, {debug_golden("traces-second.bin")}), expected);

  const std::string path = testing::TempDir() + "stint-debug-" + std::to_string(::getpid());
  config.output_paths = {path, "stdout"};
  EXPECT_EQ(shown(*made(config), Signal::traces, {debug_golden("traces-second.bin")}), expected);
  EXPECT_EQ(otlp::read_file(path), expected);
  ::unlink(path.c_str());
}

TEST_F(DebugExporterTest, IsSilentWhenTheServicesLogIs) {
  set_log_level(LogLevel::warn);
  EXPECT_EQ(shown(*made({}), Signal::traces, {debug_golden("traces-second.bin")}), "");
  EXPECT_EQ(data.delivered, 1u);
}

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(DebugExporterTest, ShowsTheFirstMessagesOfASecondAndThenSome) {
  DebugConfig config;
  config.sampling_initial = 2;
  config.sampling_thereafter = 3;
  const auto debug = made(config);
  const auto show = [&](Signal signal, const char* name) {
    return lines_in(shown(*debug, signal, {debug_golden(name)}));
  };
  for (int second = 0; second < 2; ++second) {
    std::vector<std::size_t> seen;
    for (int i = 0; i < 9; ++i) seen.push_back(show(Signal::traces, "traces-second.bin"));
    EXPECT_EQ(seen, (std::vector<std::size_t>{1, 1, 0, 0, 1, 0, 0, 1, 0}));
    EXPECT_EQ(show(Signal::logs, "logs-full.bin"), 1u);  // counted apart
    loop.since_start += Milliseconds(999);
    EXPECT_EQ(show(Signal::traces, "traces-second.bin"), 0u);
    loop.since_start += Milliseconds(1);
  }
  EXPECT_EQ(data.dropped_total(), 0u);
}

TEST_F(DebugExporterTest, SamplesTextsByWhatTheySay) {
  DebugConfig config;
  config.verbosity = Verbosity::detailed;
  config.sampling_initial = 1;
  config.sampling_thereafter = 0;
  const auto debug = made(config);
  EXPECT_EQ(lines_in(shown(*debug, Signal::traces, {debug_golden("traces-second.bin")})), 2u);
  EXPECT_EQ(lines_in(shown(*debug, Signal::traces, {debug_golden("traces-second.bin")})), 0u);
  EXPECT_EQ(lines_in(shown(*debug, Signal::traces, {debug_golden("traces-full.bin")})), 1u);  // another text
}

TEST_F(DebugExporterTest, CountsWhatAFullPipeDidNotTake) {
  const auto debug = made({});
  pipe.fill();
  shown(*debug, Signal::traces, {debug_golden("traces-full.bin")});
  EXPECT_EQ(debug->messages_dropped(), 1u);
  EXPECT_EQ(data.dropped[static_cast<std::size_t>(DropReason::permanent)], 9u);
  EXPECT_EQ(data.delivered, 0u);
  EXPECT_EQ(lines_in(shown(*debug, Signal::traces, {debug_golden("traces-full.bin")})), 1u);
  EXPECT_EQ(data.delivered, 9u);
}

TEST_F(DebugExporterTest, FailsToStartWithoutAnyOutput) {
  DebugConfig config;
  config.use_internal_logger = false;
  config.output_paths = {"/nowhere/at/all"};
  DebugExporter debug(context, "debug", config, pipe.writer());
  set_log_level(LogLevel::fatal);
  Result<> started;
  runtime.run(start_one(debug, started));
  EXPECT_EQ(started.error(), system_error(ENOENT));
}

TEST_F(DebugExporterTest, IsCalledLoggingToo) {
  LoggingConfig config;
  LoggingExporter logging(context, "logging", config, pipe.writer());
  start(logging);
  EXPECT_EQ(shown(logging, Signal::traces, {debug_golden("traces-second.bin")}),
            json_line("Traces", "logging", "traces", R"(,"resource spans":1,"spans":1)") +
                json_line(debug_golden("traces-second.normal.txt"), "logging", "traces", ""));
}

}  // namespace
}  // namespace stint
