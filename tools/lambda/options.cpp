// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/options.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>

#include "base/log.h"
#include "tools/lambda/json_value.h"

namespace stint::platform {
namespace {

// Each setter returns what is wrong with the value; empty: nothing.
struct Option {
  std::string_view name;
  bool has_value;
  std::string (*set)(Options& options, const std::string& value);
};

template <typename Number>
std::string set_number(Number& out, const std::string& value, Number least, Number most) {
  const char* const end = value.data() + value.size();
  const auto read = std::from_chars(value.data(), end, out);
  const bool good = read.ec == std::errc() && read.ptr == end && out >= least && out <= most;
  return good ? "" : concat("wants a number from ", least, " to ", most);
}

std::string set_duration(Nanoseconds& out, const std::string& value) {
  const std::optional<Nanoseconds> duration = parse_duration(value);
  out = duration.value_or(out);
  return duration ? "" : "wants a duration such as 3s or 250ms";
}

// Not resolved: an extension's name is that of the link by which it is called.
std::string absolute(const std::string& path) {
  if (path.empty() || ::access(path.c_str(), F_OK) != 0) return {};
  std::string clean = path;
  while (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
  if (clean.starts_with('/')) return clean;
  char directory[PATH_MAX];
  return ::getcwd(directory, sizeof directory) == nullptr ? ""
                                                          : concat(static_cast<const char*>(directory), "/", clean);
}

std::string set_path(std::string& out, const std::string& value) {
  out = absolute(value);
  return out.empty() ? "does not exist" : "";
}

std::string add_extension(Options& options, const std::string& value) {
  std::string path;
  const std::string wrong = set_path(path, value);
  options.extensions.push_back(path);
  options.platform.extensions.push_back({path.substr(path.rfind('/') + 1), path});
  return wrong;
}

std::string set_runtime(Options& options, const std::string& value) {
  options.runtime.clear();
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t end = std::min(value.find(' ', at), value.size());
    if (end > at) options.runtime.push_back(value.substr(at, end - at));
    at = end + 1;
  }
  if (options.runtime.empty()) return "wants a command line";
  // It will be executed in the function's folder.
  std::string& program = options.runtime.front();
  if (program.find('/') != program.npos) program = absolute(program);
  return program.empty() ? "there is no such program" : "";
}

std::string set_event(Options& options, const std::string& value) {
  std::string event = value;
  if (const int file = ::open(value.c_str(), O_RDONLY | O_CLOEXEC); file >= 0) {
    event.clear();
    char buffer[4096];
    for (ssize_t size = 0; (size = ::read(file, buffer, sizeof buffer)) > 0;) {
      event.append(buffer, static_cast<std::size_t>(size));
    }
    ::close(file);
  }
  options.events.push_back(event);
  return parse_json(event) ? "" : "is neither JSON nor a file with JSON";
}

std::string add_variable(Options& options, const std::string& value) {
  const std::size_t equals = value.find('=');
  if (equals == value.npos || equals == 0) return "wants NAME=VALUE";
  options.platform.function.environment.emplace_back(value.substr(0, equals), value.substr(equals + 1));
  return {};
}

std::string set_mode(Options& options, const std::string& value) {
  Settings& settings = options.platform;
  if (value == "on-demand") return {};
  if (value == "provisioned-concurrency") return settings.mode = Mode::provisioned_concurrency, "";
  if (value == "snap-start") return settings.mode = Mode::snap_start, "";
  if (value == "managed-instances") return settings.mode = Mode::managed_instances, "";
  if (value == "no-telemetry") return settings.telemetry = TelemetrySupport::not_found, "";
  if (value == "sam") {
    settings.telemetry = TelemetrySupport::not_supported;
    settings.function.environment.emplace_back("AWS_SAM_LOCAL", "true");
    return {};
  }
  return "is none of on-demand, provisioned-concurrency, snap-start, managed-instances, sam, no-telemetry";
}

// WHO@N or WHO@N+DURATION
std::string add_kill(Options& options, const std::string& value) {
  constexpr std::pair<std::string_view, Victim> victims[] = {
      {"runtime", Victim::runtime}, {"extension", Victim::extensions}, {"environment", Victim::environment}};
  constexpr std::string_view form =
      "wants runtime, extension or environment, @, an invocation's number, and + a duration";
  const std::size_t at = value.find('@'), plus = std::min(value.find('+'), value.size());
  const auto* const victim = std::find_if(std::begin(victims), std::end(victims), [&](const auto& each) {
    return each.first == std::string_view(value).substr(0, at);
  });
  if (at == value.npos || plus < at || victim == std::end(victims)) return std::string(form);
  Kill kill{.victim = victim->second};
  if (!set_number(kill.invocation, value.substr(at + 1, plus - at - 1), 1, 1'000'000).empty()) return std::string(form);
  if (plus < value.size() && !set_duration(kill.after, value.substr(plus + 1)).empty()) return std::string(form);
  options.kills.push_back(kill);
  return {};
}

std::string add_statuses(Options& options, const std::string& value) {
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t end = std::min(value.find(',', at), value.size());
    int status = 0;
    if (!set_number(status, value.substr(at, end - at), 200, 599).empty()) return "wants statuses such as 503,503,200";
    options.backend_settings.statuses.push_back(status);
    at = end + 1;
  }
  return {};
}

std::string set_backend_delay(Options& options, const std::string& value) {
  int ms = 0;
  if (set_number(ms, value, 0, 3'600'000).empty()) return options.backend_settings.delay = Milliseconds(ms), "";
  return set_duration(options.backend_settings.delay, value);
}

using O = Options;
using Text = const std::string&;
constexpr Option options_table[] = {
    {"--extension", true, add_extension},
    {"--function", true, [](O& o, Text v) { return set_path(o.function_directory, v); }},
    {"--handler", true, [](O& o, Text v) { return o.platform.function.handler = v, std::string(); }},
    {"--name", true, [](O& o, Text v) { return o.platform.function.name = v, std::string(); }},
    {"--runtime", true, set_runtime},
    {"--config", true, [](O& o, Text v) { return set_path(o.config, v); }},
    {"--invocations", true, [](O& o, Text v) { return set_number(o.invocations, v, 0, 1'000'000); }},
    {"--event", true, set_event},
    {"--timeout", true, [](O& o, Text v) { return set_duration(o.platform.function.timeout, v); }},
    {"--gap", true, [](O& o, Text v) { return set_duration(o.gap, v); }},
    {"--concurrency", true, [](O& o, Text v) { return set_number<std::size_t>(o.concurrency.emplace(), v, 1, 1000); }},
    {"--kill", true, add_kill},
    {"--memory", true, [](O& o, Text v) { return set_number(o.platform.function.memory_mb, v, 128, 10'240); }},
    {"--env", true, add_variable},
    {"--tmp", true, [](O& o, Text v) { return set_path(o.temporary_directory, v); }},
    {"--freeze", false, [](O& o, Text) { return o.platform.freeze = true, std::string(); }},
    {"--mode", true, set_mode},
    {"--telemetry-delay", true, [](O& o, Text v) { return set_duration(o.platform.telemetry_delay, v); }},
    {"--netns", false, [](O& o, Text) { return o.private_network = true, std::string(); }},
    {"--backend-port", true, [](O& o, Text v) { return set_number<std::uint16_t>(o.backend_port, v, 0, 65'535); }},
    {"--backend-delay", true, set_backend_delay},
    {"--backend-status", true, add_statuses},
    {"--no-backend", false, [](O& o, Text) { return o.backend = false, std::string(); }},
    {"--json", true, [](O& o, Text v) { return o.json_report = v, std::string(); }},
    {"--seed", true, [](O& o, Text v) { return set_number<std::uint64_t>(o.platform.seed, v, 1, UINT64_MAX); }},
    {"--events", false, [](O& o, Text) { return o.events_shown = true, std::string(); }},
    {"--quiet", false, [](O& o, Text) { return o.quiet = true, std::string(); }},
};

const Option* find_option(std::string_view name) {
  for (const Option& option : options_table) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

std::string missing_or_contradictory(const Options& options) {
  if (options.function_directory.empty()) return "--function is required";
  if (options.runtime.empty()) return "--runtime is required";
  if (options.platform.extensions.size() > options.platform.extensions_max) return "more than ten extensions";
  if (options.concurrency && options.platform.mode != Mode::managed_instances) {
    return "--concurrency is for --mode managed-instances: elsewhere an environment has one invocation at a time";
  }
  return {};
}

}  // namespace

std::optional<Nanoseconds> parse_duration(std::string_view text) {
  constexpr std::pair<std::string_view, std::int64_t> units[] = {{"ns", 1},
                                                                 {"us", 1000},
                                                                 {"ms", 1'000'000},
                                                                 {"s", 1'000'000'000},
                                                                 {"m", 60'000'000'000},
                                                                 {"h", 3'600'000'000'000}};
  if (text == "0") return Nanoseconds(0);
  Nanoseconds sum{};
  if (text.empty()) return {};
  while (!text.empty()) {
    double number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (read.ec != std::errc() || number < 0 || number > 1e6) return {};
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    const auto* unit = std::find_if(std::begin(units), std::end(units), [&](const auto& each) {
      return text.starts_with(each.first) && (each.first != "m" || !text.starts_with("ms"));
    });
    if (unit == std::end(units)) return {};
    text.remove_prefix(unit->first.size());
    sum += Nanoseconds(static_cast<std::int64_t>(number * static_cast<double>(unit->second)));
  }
  return sum;
}

std::variant<Options, std::string> parse_options(const std::vector<std::string>& arguments) {
  Options options;
  options.platform.freeze = false;
  options.platform.seed = 0;
  options.platform.function.name.clear();
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i], value;
    const std::size_t equals = name.find('=');
    const bool attached = equals != name.npos;
    if (attached) value = name.substr(equals + 1);
    if (attached) name.resize(equals);
    const Option* const option = find_option(name);
    if (option == nullptr) return concat("unknown option ", name);
    if (option->has_value && !attached) {
      if (++i == arguments.size()) return concat(name, " wants a value");
      value = arguments[i];
    }
    const std::string wrong = option->set(options, value);
    if (!wrong.empty()) return concat(name, " ", value, ": ", wrong);
  }
  if (std::string wrong = missing_or_contradictory(options); !wrong.empty()) return wrong;
  if (options.events.empty()) options.events.push_back("{}");
  options.platform.function.task_root = options.function_directory;
  if (options.platform.function.name.empty()) {
    options.platform.function.name = options.function_directory.substr(options.function_directory.rfind('/') + 1);
  }
  options.platform.concurrency = options.concurrency.value_or(1);
  options.platform.runtime = options.runtime;
  options.platform.runtime.push_back(options.platform.function.handler);
  if (!options.config.empty()) {
    options.platform.function.environment.emplace_back("OPENTELEMETRY_COLLECTOR_CONFIG_URI", options.config);
  }
  return options;
}

std::string_view usage() {
  return R"(usage: local-lambda --function DIR --runtime COMMAND [options]

Runs extensions beside a function that uses a real runtime interface client, in a Lambda environment on this machine.

  --extension PATH       a program as in /opt/extensions; may be given several times
  --function DIR         the function's folder (LAMBDA_TASK_ROOT and working directory)
  --handler NAME         its handler [handler.handler]
  --name NAME            the function's name [its folder's]
  --runtime COMMAND      the runtime interface client, such as "python3 -m awslambdaric"; the handler is appended
  --config FILE          becomes OPENTELEMETRY_COLLECTOR_CONFIG_URI
  --env NAME=VALUE       a variable of the function; may be given several times
  --invocations N        [3]
  --event JSON|FILE      the event [{}]; given several times: one after the other, the last one repeated
  --timeout DURATION     the function's time limit [3s]
  --gap DURATION         wait between invocations [0]
  --concurrency N        invocations at once, each for a pending /runtime/invocation/next, answered in any order [1];
                         with --mode managed-instances only
  --kill WHO@N+DURATION  in the N-th invocation, that long after its event, SIGKILL as for lack of memory: to the
                         runtime, the extension (all of them) or the environment (everything at once). The invocation
                         fails, the next one starts everything again in the same sandbox, with the same /tmp. May be
                         given several times
  --memory MB            [512]
  --freeze               stop all processes between invocations, as Lambda does
  --mode MODE            on-demand, provisioned-concurrency, snap-start, managed-instances (also limits each process to
                         4,096 descriptors), sam, no-telemetry
  --telemetry-delay DURATION
                         the Telemetry API delivers that much later than it was asked to [0]
  --tmp DIR              mounted at /tmp for the processes (root, or user namespaces)
  --netns                a private network: every port is free, nothing outside is reached
  --backend-port PORT    of the OTLP/HTTP back end built in [any]; its URL is in STINT_BACKEND_ENDPOINT
  --backend-delay MS     it answers that much later
  --backend-status LIST  its first answers, such as 503,503; then 200
  --no-backend           none is started
  --seed N               request ids, identifiers and trace ids follow from it [drawn anew]
  --events               show the platform's events
  --json FILE            write everything that was seen and measured as JSON
  --quiet                print the costs only

The exit status is 0 when every invocation succeeded, 1 when one failed, 2 for a bad command line.
)";
}

}  // namespace stint::platform
