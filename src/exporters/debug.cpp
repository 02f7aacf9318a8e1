// SPDX-License-Identifier: Apache-2.0
#include "exporters/debug.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "exporters/debug_text_value.h"
#include "wire/hex.h"
#include "wire/json_writer.h"

namespace stint {

using debug_text::Output;
using debug_text::TextHash;
using debug_text::Verbosity;

void DebugConfig::validate(const config::Report& report) const {
  if (!report.given("output_paths")) return;
  if (use_internal_logger) {
    report.error("output_paths", "works only with use_internal_logger: false");
  } else if (output_paths.empty()) {
    report.error("output_paths", "must name at least one output: stdout, stderr or a file");
  }
}

void LoggingConfig::validate(const config::Report& report) {
  const bool has_level = report.given("loglevel");
  if (has_level && report.given("verbosity")) {
    report.error("loglevel", "does not go together with verbosity; keep verbosity only");
    return;
  }
  if (has_level) {
    verbosity = loglevel == LoggingLevel::debug  ? Verbosity::detailed
                : loglevel == LoggingLevel::info ? Verbosity::normal
                                                 : Verbosity::basic;
  }
  constexpr std::string_view names[] = {"basic", "normal", "detailed"};
  const std::string_view name = names[static_cast<std::size_t>(verbosity)];
  report.warn("", concat("'logging' is the old name of the exporter 'debug'; write 'debug:' with 'verbosity: ", name,
                         has_level ? "' in place of 'loglevel'" : "'"));
}

/// Pairs of a JSON object without its braces; with a blank after commas and colons on the console.
class DebugExporter::Fields {
 public:
  explicit Fields(bool is_spaced) : is_spaced_(is_spaced) {}

  void add(std::string_view name, std::string_view text) {
    key(name);
    wire::append_json_string(json_, text);
  }
  void add(std::string_view name, std::uint64_t number) {
    key(name);
    json_.append(concat(number));
  }
  void add(std::string_view name, const Fields& object) {
    key(name);
    json_.append("{").append(object.json_).append("}");
  }
  const std::string& json() const { return json_; }

 private:
  void key(std::string_view name) {
    if (!json_.empty()) json_.append(is_spaced_ ? ", " : ",");
    wire::append_json_string(json_, name);
    json_.append(is_spaced_ ? ": " : ":");
  }

  bool is_spaced_;
  std::string json_;
};

namespace {

/// "2023-11-14T22:13:20.500Z"
std::string console_time(EpochTime now) {
  const std::uint64_t nanos = static_cast<std::uint64_t>(now.time_since_epoch().count());
  std::string text = debug_text::time_text(nanos / 1'000'000'000 * 1'000'000'000).substr(0, 19);
  text[10] = 'T';
  char ms[8];
  std::snprintf(ms, sizeof ms, ".%03uZ", static_cast<unsigned>(nanos / 1'000'000 % 1000));
  return text.append(ms);
}

std::string json_time(EpochTime now) {
  return debug_text::plain_number(static_cast<double>(now.time_since_epoch().count()) / 1e9);
}

/// A random UUID. Source: RFC 9562, section 5.4.
std::string new_uuid(Loop& loop) {
  char bytes[16];
  loop.fill_entropy(bytes);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  wire::append_hex(text, {bytes, sizeof bytes});
  for (const std::size_t at : {8u, 13u, 18u, 23u}) text.insert(at, 1, '-');
  return text;
}

struct Titles {
  std::string_view message, resources, items;
};
constexpr Titles titles[] = {{"Traces", "resource spans", "spans"},
                             {"Metrics", "resource metrics", "data points"},
                             {"Logs", "resource logs", "log records"}};

class HashSink final : public debug_text::Sink {
 public:
  void write(std::string_view piece) override { hash.add(piece); }
  TextHash hash;
};

}  // namespace

/// One message on its way to all outputs.
class DebugExporter::Message final : public debug_text::Sink {
 public:
  Message(DebugExporter& exporter, const Fields& fields) : exporter_(exporter), fields_(fields.json()) {
    for (const auto& output : exporter_.outputs_) output->begin();
    const EpochTime now = exporter_.context_.runtime.epoch_now();
    if (exporter_.form_ == Form::json) put(concat(R"({"level":"info","ts":)", json_time(now), R"(,"msg":")"));
    if (exporter_.form_ == Form::console) put(concat(console_time(now), "\tinfo\t"));
  }

  void write(std::string_view piece) override {
    if (exporter_.form_ != Form::json) return put(piece);
    escaped_.clear();
    wire::append_json_string(escaped_, piece);
    put(std::string_view(escaped_).substr(1, escaped_.size() - 2));
  }

  /// False: an output did not take all of it.
  bool end() {
    if (exporter_.form_ == Form::json) {
      put(concat("\",", fields_, "}\n"));
    } else {
      put(fields_.empty() ? "\n" : concat("\t{", fields_, "}\n"));
    }
    bool written = true;
    for (const auto& output : exporter_.outputs_) written = output->end() && written;
    return written;
  }

 private:
  void put(std::string_view text) {
    for (const auto& output : exporter_.outputs_) output->write(text);
  }

  DebugExporter& exporter_;
  const std::string& fields_;
  std::string escaped_;
};

DebugExporter::DebugExporter(ComponentContext& context, std::string id, Config config, int standard_output)
    : context_(context),
      id_(std::move(id)),
      config_(std::move(config)),
      form_(form_of(context, config_)),
      standard_output_(standard_output),
      samplers_(otlp::all_signals.size(), {config_.sampling_initial, config_.sampling_thereafter}) {
  if (config_.use_internal_logger) config_.output_paths = {"stdout"};
}

DebugExporter::~DebugExporter() = default;

// The layer prints JSON whatever the function's log format is, and Lambda sets the variable to Text for every function
// that has chosen nothing: tools that read the layer's lines want JSON there. Elsewhere the variable is somebody's
// wish.
DebugExporter::Form DebugExporter::form_of(const ComponentContext& context, const Config& config) {
  if (!config.use_internal_logger) return Form::bare;
  const auto& environment = context.environment;
  const std::string_view format = environment.lookup("AWS_LAMBDA_LOG_FORMAT").value_or("JSON");
  const bool is_plain = format == "Text" || format == "text" || format == "TEXT";
  return is_plain && !environment.lookup("AWS_LAMBDA_RUNTIME_API") ? Form::console : Form::json;
}

Task<Result<>> DebugExporter::start() {
  Result<> result;
  for (const std::string& path : config_.output_paths) {
    auto output = std::make_unique<Output>();
    Result<> opened;
    if (path == "stdout") {
      output->attach(standard_output_);
    } else if (path == "stderr") {
      output->attach(STDERR_FILENO);
    } else {
      opened = output->open(path);
    }
    if (opened) {
      outputs_.push_back(std::move(output));
    } else {
      log(LogLevel::error, id_, ": output path ", path, " cannot be opened: ", to_string(opened.error()));
      result = opened;
    }
  }
  co_return outputs_.empty() ? result : Result<>();
}

Task<Result<>> DebugExporter::consume(Batch batch) {
  if (show(batch)) {
    context_.data.delivered += batch.items;
  } else {
    context_.data.drop(DropReason::permanent, batch.items);
  }
  co_return Result<>();
}

Task<> DebugExporter::stop(Deadline deadline) {
  (void)deadline;
  if (const std::uint64_t dropped = messages_dropped(); dropped > 0) {
    log(LogLevel::warn, id_, ": ", dropped, " messages were dropped because nobody read the output in time");
  }
  co_return;
}

std::uint64_t DebugExporter::messages_dropped() const {
  std::uint64_t dropped = 0;
  for (const auto& output : outputs_) dropped += output->messages_dropped();
  return dropped;
}

std::string_view DebugExporter::service_version() { return STINT_VERSION; }

bool DebugExporter::show(const Batch& batch) {
  if (config_.use_internal_logger && !log_enabled(LogLevel::info)) return true;
  const bool summary_shown = show_summary(batch);
  return (config_.verbosity == Verbosity::basic || show_text(batch)) && summary_shown;
}

bool DebugExporter::show_summary(const Batch& batch) {
  const auto signal = static_cast<std::size_t>(batch.signal);
  const Titles& title = titles[signal];
  if (!samplers_[signal].takes_all()) {
    TextHash hash;
    hash.add(title.message);
    if (!samplers_[signal].take(hash, context_.runtime.now())) return true;
  }
  Fields fields = common_fields(batch.signal);
  const debug_text::Counts counts = debug_text::count(batch.signal, batch.slices);
  fields.add(title.resources, counts.resources);
  if (batch.signal == otlp::Signal::metrics) fields.add("metrics", counts.metrics);
  fields.add(title.items, batch.items);
  Message message(*this, fields);
  message.write(title.message);
  return message.end();
}

bool DebugExporter::show_text(const Batch& batch) {
  debug_text::Sampler& sampler = samplers_[static_cast<std::size_t>(batch.signal)];
  if (!sampler.takes_all()) {
    HashSink sink;
    debug_text::write(batch.signal, config_.verbosity, batch.slices, sink);
    if (!sampler.take(sink.hash, context_.runtime.now())) return true;
  }
  const Fields fields = common_fields(batch.signal);
  Message message(*this, fields);
  debug_text::write(batch.signal, config_.verbosity, batch.slices, message);
  return message.end();
}

DebugExporter::Fields DebugExporter::common_fields(otlp::Signal signal) {
  const bool is_spaced = form_ != Form::json;
  Fields fields(is_spaced);
  if (form_ == Form::bare) return fields;
  if (instance_id_.empty()) instance_id_ = new_uuid(context_.runtime.loop());
  Fields resource(is_spaced);
  resource.add("service.instance.id", instance_id_);
  resource.add("service.name", "otelcol-lambda");
  resource.add("service.version", service_version());
  fields.add("resource", resource);
  fields.add("otelcol.component.id", id_);
  fields.add("otelcol.component.kind", "exporter");
  fields.add("otelcol.signal", otlp::name(signal));
  return fields;
}

namespace {

DebugConfig renamed(const LoggingConfig& config) {
  DebugConfig debug;
  debug.verbosity = config.verbosity;
  debug.sampling_initial = config.sampling_initial;
  debug.sampling_thereafter = config.sampling_thereafter;
  return debug;
}

}  // namespace

LoggingExporter::LoggingExporter(ComponentContext& context, std::string id, Config config, int standard_output)
    : DebugExporter(context, std::move(id), renamed(config), standard_output) {}

}  // namespace stint
