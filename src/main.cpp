// SPDX-License-Identifier: Apache-2.0
// The program: environment and configuration in, life cycle on. With AWS_LAMBDA_RUNTIME_API it is a Lambda extension,
// without it an ordinary process that ends on SIGTERM.
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/log.h"
#include "components.h"
#include "config/expand.h"
#include "config/service.h"
#include "lambda/crash_handler.h"
#include "lambda/inert_mode.h"
#include "lambda/life_cycle.h"
#include "lambda/registration.h"
#include "pipeline/graph.h"
#include "pipeline/invocation_watch.h"
#include "runtime/ares_resolver.h"
#include "runtime/loop_choice.h"
#include "runtime/signals.h"

namespace stint {
namespace {

constexpr std::string_view default_config = "/opt/collector-config/config.yaml";
// What an ordinary process may take for its last data after SIGTERM.
constexpr Nanoseconds stop_grace = Seconds(10);

constexpr std::string_view usage =
    "usage: collector [--config URI]          run; URI is a path, file:, yaml: or env:\n"
    "       collector validate [--config URI] check a configuration and say what is wrong with it\n"
    "       collector components              list what a configuration may name\n"
    "       collector --version\n";

void print(std::FILE* file, std::string_view text) { (void)!std::fwrite(text.data(), 1, text.size(), file); }

std::string_view environment_or(const config::Environment& environment, std::string_view name, std::string_view other) {
  return environment.lookup(name).value_or(other);
}

std::string config_uri(const config::Environment& environment) {
  if (const auto uri = environment.lookup("OPENTELEMETRY_COLLECTOR_CONFIG_URI")) return std::string(*uri);
  return std::string(environment_or(environment, "OPENTELEMETRY_COLLECTOR_CONFIG_FILE", default_config));
}

void set_up_log(const config::Environment& environment) {
  if (environment_or(environment, "AWS_LAMBDA_LOG_FORMAT", "Text") == "JSON") set_log_format(LogFormat::json);
  const std::string_view text = environment_or(environment, "OPENTELEMETRY_EXTENSION_LOG_LEVEL", "info");
  LogLevel level = LogLevel::info;
  if (!parse_log_level(text, level)) {
    log(LogLevel::warn, "OPENTELEMETRY_EXTENSION_LOG_LEVEL: '", text,
        "' is not a level; info is taken (debug, info, warn, error, fatal)");
  }
  set_log_level(level);
}

/// A configuration read from its URI, with everything that was found wrong.
struct Configuration {
  config::Diagnostics diagnostics;
  config::ServiceConfig service;
};

std::unique_ptr<Configuration> load_configuration(const std::string& uri, const config::Environment& environment) {
  auto loaded = std::make_unique<Configuration>();
  const config::SystemFiles files;
  const config::EnvProvider env(environment);
  const config::FileProvider file(files);
  const config::YamlProvider yaml;
  const config::Provider* const providers[] = {&env, &file, &yaml};
  std::optional<config::Node> root = config::load(uri, providers, loaded->diagnostics);
  if (root) loaded->service = config::decode_service(std::move(*root), loaded->diagnostics);
  if (loaded->service.log_level) set_log_level(*loaded->service.log_level);
  return loaded;
}

void log_warnings(const config::Diagnostics& diagnostics) {
  for (const config::Diagnostic& diagnostic : diagnostics.list()) {
    if (diagnostic.severity == config::Severity::warning) log(LogLevel::warn, diagnostic.to_string());
  }
}

int validate(const std::string& uri, const config::Environment& environment) {
  const auto loaded = load_configuration(uri, environment);
  Graph::check(loaded->service, component_table(), loaded->diagnostics);
  log_warnings(loaded->diagnostics);
  if (!loaded->diagnostics.has_errors()) return 0;
  print(stderr, loaded->diagnostics.errors_text() + "\n");
  return 1;
}

template <typename Type>
void list_types(std::string_view kind, std::span<const Type> types, bool with_keys) {
  print(stdout, with_keys ? concat("\n## ", kind, "\n") : concat(kind, ":\n"));
  for (const Type& type : types) {
    if (with_keys) {
      print(stdout, concat("\n### `", type.type, "`\n\n", type.doc, ".\n\n", config::markdown_head,
                           config::markdown_rows(*type.schema)));
    } else {
      print(stdout, concat("  ", type.type, ": ", type.doc, "\n"));
    }
  }
}

// `with_keys`: as Markdown with every key; layer/reference.md is made from it.
int list_components(bool with_keys) {
  list_types<ReceiverType>("receivers", component_table().receivers, with_keys);
  list_types<ProcessorType>("processors", component_table().processors, with_keys);
  list_types<ExporterType>("exporters", component_table().exporters, with_keys);
  if (with_keys) {
    print(stdout, concat("\n## service\n\n", config::markdown_head, config::service_markdown_rows()));
  } else {
    print(stdout, "connectors:\nextensions:\nproviders:\n  env, file, yaml\n");
  }
  return 0;
}

std::size_t memory_bytes_max(const config::Environment& environment) {
  const auto text = environment.lookup("STINT_MEMORY_MAX_MIB");
  if (!text) return limits::memory_bytes_max;
  std::size_t mib = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), mib);
  if (error == std::errc() && end == text->data() + text->size() && mib >= 1 && mib <= 1024) return mib << 20;
  log(LogLevel::warn, "STINT_MEMORY_MAX_MIB: '", *text, "' is not a number from 1 to 1024; ",
      limits::memory_bytes_max >> 20, " is taken");
  return limits::memory_bytes_max;
}

// The loop that STINT_IO asks for; epoll with an error where that cannot be had.
std::unique_ptr<Loop> loop_asked_for(const config::Environment& environment, std::string& error) {
  const std::string_view wanted = environment_or(environment, "STINT_IO", "auto");
  ChosenLoop chosen = make_loop(wanted);
  if (chosen.loop != nullptr) {
    log(LogLevel::debug, "loop: ", to_string(chosen.decision));
    return std::move(chosen.loop);
  }
  error = concat("STINT_IO=", wanted, ": ", to_string(chosen.decision), "\n");
  return make_loop("epoll").loop;
}

/// What every run of the program stands on.
struct Machine {
  explicit Machine(const config::Environment& environment)
      : loop(loop_asked_for(environment, loop_error)),
        pool(memory_bytes_max(environment), limits::http_body_bytes_max),
        context{runtime, pool, copies, data, changed, environment, &watch} {
    runtime.set_resolver(&resolver);
  }

  std::string loop_error;  // what STINT_IO asks for cannot be had
  std::unique_ptr<Loop> loop;
  Runtime runtime{*loop};
  AresResolver resolver{runtime};
  BlockPool pool;
  CopyCounters copies;
  DataCounters data;
  Notifier changed{runtime};
  InvocationWatch watch{runtime};
  ComponentContext context;
};

// Null after errors in the diagnostics, to which the components add theirs. Warnings are logged.
// `in_sandbox`: the journal is on by default.
std::unique_ptr<Graph> make_graph(Configuration& loaded, ComponentContext& context, bool in_sandbox) {
  JournalSettings settings = journal_settings(context.environment, in_sandbox);
  std::unique_ptr<Journal> journal;
  if (!settings.path.empty()) {
    journal = std::make_unique<Journal>(context.runtime, context.data, make_journal_file(std::move(settings.path)),
                                        settings.bytes_max);
  }
  std::unique_ptr<Graph> graph =
      Graph::make(loaded.service, component_table(), context, loaded.diagnostics, std::move(journal));
  log_warnings(loaded.diagnostics);
  return graph;
}

Task<> live_until_signal(Machine& machine, Graph& graph, TerminationSignals signals) {
  co_await graph.start();
  graph.recover();
  log(LogLevel::info, "started");
  const Result<int> signal = co_await signals.wait();
  const Deadline deadline{machine.runtime.epoch_now() + stop_grace};
  co_await run_until_signal(machine.runtime, graph.stop(deadline), signals);
  log(LogLevel::info, "ended: ", signal_name(signal.value_or(SIGTERM)), ": ", to_string(machine.data));
}

int run_process(const std::string& uri, const config::Environment& environment) {
  Machine machine(environment);
  if (!machine.loop_error.empty()) {
    print(stderr, machine.loop_error);
    return 1;
  }
  Result<TerminationSignals> signals = TerminationSignals::open(machine.runtime);
  if (!signals) {
    log(LogLevel::error, "signalfd: ", to_string(signals.error()));
    return 1;
  }
  const auto loaded = load_configuration(uri, environment);
  const std::unique_ptr<Graph> graph = make_graph(*loaded, machine.context, /*in_sandbox=*/false);
  if (graph == nullptr) {
    print(stderr, loaded->diagnostics.errors_text() + "\n");
    return 1;
  }
  machine.runtime.run(live_until_signal(machine, *graph, std::move(*signals)));
  return 0;
}

Task<> live(lambda::LifeCycle& life, Graph* graph, std::string error, TerminationSignals* signals, int& status) {
  if (graph != nullptr) {
    status = co_await life.run(*graph, signals);
  } else {
    status = co_await life.run_idle(std::move(error), signals);
  }
}

// A sanitizer's report is worth more than a function that runs: there a test has to ask for inert mode.
bool survives_crashes(const config::Environment& environment) {
#if defined(STINT_SANITIZED)
  return environment.lookup("STINT_TEST_INERT").has_value();
#else
  (void)environment;
  return true;
#endif
}

int run_inert(std::span<char* const> arguments, const config::Environment& environment) {
  set_up_log(environment);
  std::optional<lambda::Inheritance> inheritance = lambda::parse_inheritance(arguments);
  if (!inheritance) return print(stderr, "--inert is for the collector itself\n"), 2;
  lambda::InertMode inert(std::move(*inheritance));
  return inert.run();
}

// Nothing comes before `register` is written: the function's runtime starts when every extension has registered.
int run_extension(const char* program, std::string_view api, const config::Environment& environment) {
  const Result<lambda::ApiEndpoint> endpoint = lambda::parse_api_endpoint(api);
  if (!endpoint) {
    log(LogLevel::error, "AWS_LAMBDA_RUNTIME_API: '", api, "' is not host:port");
    return 1;
  }
  lambda::BlockingSocket socket;
  const lambda::RegisterRequest request{endpoint->authority, lambda::extension_name(program),
                                        lambda::is_managed_instances(environment)};
  const Result<Handle> connection = lambda::connect_and_register(socket, *endpoint, request);
  if (!connection) {
    log(LogLevel::error, "register at ", api, ": ", to_string(connection.error()));
    return 1;
  }
  lambda::Handover handover;
  std::optional<lambda::CrashHandler> crash_handler;
  if (lambda::Handover::copy(endpoint->authority, handover.authority) && survives_crashes(environment)) {
    handover.wait_for(lambda::Handover::Stage::registering, *connection);
    crash_handler.emplace(handover, lambda::CrashHandlerSettings{.program = program});
  }
  set_up_log(environment);
  Machine machine(environment);
  handover.data = &machine.data;
  Result<TerminationSignals> signals = TerminationSignals::open(machine.runtime);
  const auto loaded = load_configuration(config_uri(environment), environment);
  const std::unique_ptr<Graph> graph =
      machine.loop_error.empty() ? make_graph(*loaded, machine.context, true) : nullptr;
  std::string error = machine.loop_error;
  if (graph == nullptr) {
    error += loaded->diagnostics.errors_text();
    print(stderr, error + "\n");
  }
  lambda::LifeCycleSettings settings =
      lambda::life_cycle_settings(environment, loaded->service.flush, loaded->service.end_by_span);
  settings.handover = &handover;
  settings.watch = &machine.watch;
  lambda::LifeCycle life(machine.runtime, machine.pool, machine.copies, machine.data, *endpoint, *connection,
                         std::move(settings));
  int status = 0;
  machine.runtime.run(live(life, graph.get(), std::move(error), signals ? &*signals : nullptr, status));
  return status;
}

struct Arguments {
  std::string_view command;  // "", "validate", "components", "--version"
  std::string config;
  bool reference = false;
  bool wrong = false;
};

Arguments parse_arguments(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string_view value = values[i];
    if (value == "--config" && i + 1 < count) {
      arguments.config = values[++i];
    } else if (value.starts_with("--config=")) {
      arguments.config = value.substr(9);
    } else if (value == "--reference" && arguments.command == "components") {
      arguments.reference = true;
    } else if (i == 1 && (value == "validate" || value == "components" || value == "--version" || value == "-v" ||
                          value == "--help")) {
      arguments.command = value;
    } else {
      arguments.wrong = true;
    }
  }
  return arguments;
}

int run(int count, char** values) {
  const config::SystemEnvironment environment;
  if (count > 1 && std::string_view(values[1]) == "--inert") {
    return run_inert({values + 2, static_cast<std::size_t>(count - 2)}, environment);
  }
  Arguments arguments = parse_arguments(count, values);
  if (arguments.wrong) {
    print(stderr, usage);
    return 2;
  }
  if (arguments.command == "--help") return print(stdout, usage), 0;
  if (arguments.command == "--version" || arguments.command == "-v")
    return print(stdout, "stint " STINT_VERSION "\n"), 0;
  if (arguments.command == "components") return list_components(arguments.reference);
  if (arguments.command.empty() && arguments.config.empty()) {
    if (const auto api = environment.lookup("AWS_LAMBDA_RUNTIME_API"))
      return run_extension(values[0], *api, environment);
  }
  set_up_log(environment);
  if (arguments.config.empty()) arguments.config = config_uri(environment);
  if (arguments.command == "validate") return validate(arguments.config, environment);
  return run_process(arguments.config, environment);
}

}  // namespace
}  // namespace stint

int main(int count, char** values) { return stint::run(count, values); }
