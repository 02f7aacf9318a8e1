// SPDX-License-Identifier: Apache-2.0
// The exporters `debug` and `logging` (its name in layers up to 0.11): what arrives, as text on standard output, so
// that everybody's first look is the same as with the reference. consume() formats and writes at once and keeps
// nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/schema.h"
#include "exporters/debug_text.h"
#include "exporters/debug_text_output.h"
#include "exporters/debug_text_sampler.h"
#include "pipeline/component.h"

namespace stint {

namespace debug_text {
constexpr auto choices_of(Verbosity*) {
  return config::choices<Verbosity>({{"basic", Verbosity::basic},
                                     {"normal", Verbosity::normal},
                                     {"detailed", Verbosity::detailed},
                                     {"Basic", Verbosity::basic},
                                     {"Normal", Verbosity::normal},
                                     {"Detailed", Verbosity::detailed},
                                     {"BASIC", Verbosity::basic},
                                     {"NORMAL", Verbosity::normal},
                                     {"DETAILED", Verbosity::detailed}});
}
}  // namespace debug_text

struct DebugConfig {
  debug_text::Verbosity verbosity = debug_text::Verbosity::basic;
  std::int64_t sampling_initial = 2;
  std::int64_t sampling_thereafter = 1;
  bool use_internal_logger = true;
  config::TextList output_paths = {"stdout"};

  void validate(const config::Report& report) const;
};

inline constexpr std::string_view verbosity_doc =
    "basic: counts per batch; normal: a line per span, data point or log record; detailed: all there is";
inline constexpr std::string_view sampling_initial_doc = "of equal messages in a second, the first so many are shown";
inline constexpr std::string_view sampling_thereafter_doc = "then every so-manieth; 1: all, 0: none";

constexpr auto fields_of(DebugConfig*) {
  using config::field;
  return config::fields(
      field<&DebugConfig::verbosity>("verbosity", verbosity_doc),
      field<&DebugConfig::sampling_initial>("sampling_initial", sampling_initial_doc),
      field<&DebugConfig::sampling_thereafter>("sampling_thereafter", sampling_thereafter_doc),
      field<&DebugConfig::use_internal_logger>(
          "use_internal_logger",
          "true: JSON lines on standard output if service.telemetry.logs.level lets info through, whatever "
          "AWS_LAMBDA_LOG_FORMAT is on Lambda; as a local process, AWS_LAMBDA_LOG_FORMAT=Text gives plain lines. "
          "false: "
          "only texts and counts, to output_paths"),
      field<&DebugConfig::output_paths>("output_paths",
                                        "stdout, stderr, or files to append to; only without the internal logger"),
      config::accepted("sending_queue", "what arrives is shown at once"));
}

enum class LoggingLevel : std::uint8_t { debug, info, warn, error, dpanic, panic, fatal };
constexpr auto choices_of(LoggingLevel*) {
  return config::choices<LoggingLevel>({{"debug", LoggingLevel::debug},
                                        {"info", LoggingLevel::info},
                                        {"warn", LoggingLevel::warn},
                                        {"error", LoggingLevel::error},
                                        {"dpanic", LoggingLevel::dpanic},
                                        {"panic", LoggingLevel::panic},
                                        {"fatal", LoggingLevel::fatal},
                                        {"DEBUG", LoggingLevel::debug},
                                        {"INFO", LoggingLevel::info},
                                        {"WARN", LoggingLevel::warn},
                                        {"ERROR", LoggingLevel::error},
                                        {"DPANIC", LoggingLevel::dpanic},
                                        {"PANIC", LoggingLevel::panic},
                                        {"FATAL", LoggingLevel::fatal}});
}

struct LoggingConfig {
  debug_text::Verbosity verbosity = debug_text::Verbosity::normal;
  LoggingLevel loglevel = LoggingLevel::info;
  std::int64_t sampling_initial = 2;
  std::int64_t sampling_thereafter = 500;

  /// Derives `verbosity` from a `loglevel` that is given.
  void validate(const config::Report& report);
};

constexpr auto fields_of(LoggingConfig*) {
  using config::field;
  return config::fields(field<&LoggingConfig::verbosity>("verbosity", verbosity_doc),
                        field<&LoggingConfig::loglevel>(
                            "loglevel", "in place of verbosity; debug: detailed, info: normal, the others: basic"),
                        field<&LoggingConfig::sampling_initial>("sampling_initial", sampling_initial_doc),
                        field<&LoggingConfig::sampling_thereafter>("sampling_thereafter", sampling_thereafter_doc));
}

class DebugExporter : public Exporter {
 public:
  using Config = DebugConfig;

  /// `standard_output`: what `stdout` means. Borrows: the descriptor.
  DebugExporter(ComponentContext& context, std::string id, Config config, int standard_output = 1);
  ~DebugExporter() override;

  /// Fails: system (no output path could be opened; those that could are used).
  Task<Result<>> start() override;
  /// Fails: never. What could not be written is counted as dropped.
  Task<Result<>> consume(Batch batch) override;
  Activity activity() const override { return Activity::idle; }
  Task<> stop(Deadline deadline) override;

  std::uint64_t messages_dropped() const;
  /// What lines say as service.version: the program's.
  static std::string_view service_version();

 private:
  /// How a message is wrapped.
  enum class Form : std::uint8_t {
    json,     // one JSON object per line, as the layer prints it
    console,  // time, level, text and fields between tabs, as the collector prints it on a terminal
    bare,     // text and counts: use_internal_logger is off
  };
  class Fields;
  class Message;

  static Form form_of(const ComponentContext& context, const Config& config);
  bool show(const Batch& batch);
  bool show_summary(const Batch& batch);
  bool show_text(const Batch& batch);
  Fields common_fields(otlp::Signal signal);

  ComponentContext& context_;
  std::string id_;
  Config config_;
  Form form_;
  int standard_output_;
  std::vector<std::unique_ptr<debug_text::Output>> outputs_;
  std::vector<debug_text::Sampler> samplers_;  // one per signal
  std::string instance_id_;                    // made at the first message
};

/// `debug` by its old name, with its old defaults.
class LoggingExporter final : public DebugExporter {
 public:
  using Config = LoggingConfig;
  LoggingExporter(ComponentContext& context, std::string id, Config config, int standard_output = 1);
};

}  // namespace stint
