// SPDX-License-Identifier: Apache-2.0
#include "lambda/life_cycle.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "config/scalar.h"
#include "runtime/combine.h"

namespace stint::lambda {
namespace {

constexpr std::string_view schema_version = "2022-12-13";
constexpr std::string_view schema_version_managed = "2025-01-29";
constexpr std::string_view platform_types[] = {"platform"};

// What the platform gives to a shutdown; ours when it says nothing, and after a SIGTERM.
constexpr Nanoseconds shutdown_time = Seconds(2);
// Where nothing tells that the function has crashed its environment's end waits for our `next`: half of it must be
// left.
constexpr Nanoseconds unseeing_hold_max = shutdown_time / 2;
// A function may be too short for its back end's answers: what piles up is sent before it fills the memory.
constexpr std::size_t behind_divisor = 4;
// When the platform cannot be reached any more nobody says how long we may live.
constexpr Nanoseconds lost_time = Seconds(1);

Deadline earlier(Deadline deadline, Nanoseconds margin) {
  return deadline.is_never() ? deadline : Deadline{deadline.at - margin};
}

config::FlushPolicy flush_policy(const config::Environment& environment, std::optional<config::FlushPolicy> of_file) {
  const config::FlushPolicy otherwise = of_file.value_or(config::FlushPolicy());
  const auto text = environment.lookup("STINT_FLUSH");
  if (!text || text->empty()) return otherwise;
  if (const auto policy = config::parse_flush_policy(*text)) return *policy;
  log(LogLevel::warn, "STINT_FLUSH: '", *text, "' is passed over; write ", config::flush_policy_forms);
  return otherwise;
}

Nanoseconds end_by_span(const config::Environment& environment, Nanoseconds of_file) {
  const auto text = environment.lookup("STINT_END_BY_SPAN");
  if (!text || text->empty()) return of_file;
  const std::optional<Nanoseconds> silence = config::parse_duration(*text);
  if (silence && *silence >= Nanoseconds::zero() && *silence <= config::end_by_span_max) return *silence;
  log(LogLevel::warn, "STINT_END_BY_SPAN: '", *text, "' is passed over; write a duration up to 1s, such as 2ms");
  return of_file;
}

bool fails_on_error(const config::Environment& environment) {
  const auto text = environment.lookup("STINT_ON_ERROR");
  if (!text || text->empty() || *text == "idle") return false;
  if (*text == "fail") return true;
  log(LogLevel::warn, "STINT_ON_ERROR: '", *text, "' is passed over; write fail or idle");
  return false;
}

}  // namespace

bool is_managed_instances(const config::Environment& environment) {
  return environment.lookup("AWS_LAMBDA_INITIALIZATION_TYPE") == "lambda-managed-instances";
}

LifeCycleSettings life_cycle_settings(const config::Environment& environment,
                                      std::optional<config::FlushPolicy> of_file, Nanoseconds end_by_span_of_file) {
  LifeCycleSettings settings;
  settings.flush = flush_policy(environment, of_file);
  settings.end_by_span = end_by_span(environment, end_by_span_of_file);
  settings.managed_instances = is_managed_instances(environment);
  settings.sam_local = environment.lookup("AWS_SAM_LOCAL") == "true";
  settings.fail_on_error = fails_on_error(environment);
  return settings;
}

LifeCycle::LifeCycle(Runtime& runtime, BlockPool& pool, CopyCounters& copies, const DataCounters& data,
                     ApiEndpoint endpoint, Handle connection, LifeCycleSettings settings)
    : runtime_(runtime),
      pool_(pool),
      copies_(copies),
      data_(data),
      settings_(std::move(settings)),
      api_(runtime, std::move(endpoint), connection, settings_.handover),
      beside_(runtime) {}

Task<int> LifeCycle::run(Graph& graph, Signals* signals) {
  graph_ = &graph;
  // While the answer to `register` is under way.
  co_await open_telemetry();
  co_await graph.start();
  const bool registered = co_await register_and_link();
  if (!registered) {
    co_await stop(Deadline{runtime_.epoch_now()});
    co_return 1;
  }
  co_await subscribe();
  co_return co_await live(signals);
}

Task<int> LifeCycle::run_idle(std::string error, Signals* signals) {
  if (!settings_.fail_on_error) {
    idle_ = std::make_unique<IdleMode>(runtime_, pool_, copies_, error);
    co_await idle_->start(settings_.idle_http_endpoints, settings_.idle_grpc_endpoints);
  }
  const bool registered = co_await register_and_link();
  if (!registered) {
    co_await stop(Deadline{runtime_.epoch_now()});
    co_return 1;
  }
  if (settings_.fail_on_error) {
    // Said or not: the process ends, and the platform sees that at least.
    (void)co_await api_.init_error("Extension.ConfigError", std::move(error));
    co_return 0;
  }
  log(LogLevel::warn, "idle: nothing is accepted until the configuration is mended; the function runs");
  co_return co_await live(signals);
}

Task<bool> LifeCycle::register_and_link() {
  const Result<Registration> registration = co_await api_.finish_register();
  if (!registration) co_return false;
  log(LogLevel::debug, "registered for ", registration->function_name, ", version ", registration->function_version);
  if (registration->account_id.empty() || settings_.account_id_path.empty()) co_return true;
  const Result<> linked = link_account_id(settings_.account_id_path, registration->account_id);
  if (!linked) log(LogLevel::warn, settings_.account_id_path, ": ", to_string(linked.error()));
  co_return true;
}

Task<> LifeCycle::open_telemetry() {
  if (!needs_runtime_done(settings_.flush, settings_.managed_instances)) co_return;
  telemetry_ = std::make_unique<TelemetryListener>(runtime_);
  const Result<> opened = telemetry_->open();
  if (opened && settings_.handover != nullptr) settings_.handover->telemetry = telemetry_->handle();
  if (opened) co_return;
  log(LogLevel::error, "telemetry: cannot listen: ", to_string(opened.error()));
  telemetry_.reset();
}

Task<> LifeCycle::subscribe() {
  if (telemetry_ == nullptr) co_return;
  TelemetrySubscription subscription{
      .types = platform_types,
      .schema_version = settings_.managed_instances ? schema_version_managed : schema_version,
      .uri = telemetry_->uri(settings_.sam_local)};
  const Result<Subscribed> subscribed = co_await api_.subscribe(std::move(subscription));
  if (subscribed && *subscribed == Subscribed::yes) co_return;
  log(subscribed ? LogLevel::info : LogLevel::error,
      "no Telemetry API here: the end of an invocation is not known; data goes out beside the next one and at the end");
  co_await telemetry_->stop();
  telemetry_.reset();
}

Task<int> LifeCycle::live(Signals* signals) {
  Result<Event> last = Error{ErrorCode::cancelled};
  std::string_view terminated;  // by which signal
  if (signals == nullptr) {
    last = co_await serve_events();
  } else {
    auto raced = co_await race(runtime_, serve_events(), signals->wait());
    last = std::move(std::get<0>(raced.results));
    const Result<int> signal = std::get<1>(raced.results);
    if (!last && signal) terminated = signal_name(*signal);
  }
  Nanoseconds time = shutdown_time;
  const bool is_lost = !last && terminated.empty();
  if (is_lost) time = lost_time;
  Deadline deadline{runtime_.epoch_now() + time};
  // In an invocation the function waits for our end, and its time must not run out over that.
  const bool in_invocation = is_lost && runtime_.epoch_now() < invocation_deadline_.at;
  if (in_invocation) deadline.at = std::min(deadline.at, invocation_deadline_.at);
  if (last && last->deadline) deadline = *last->deadline;
  if (terminated.empty()) {
    co_await stop(deadline);
  } else {
    co_await run_until_signal(runtime_, stop(deadline), *signals);
  }
  log_end(last ? std::string_view(last->reason) : is_lost ? "the platform is lost" : terminated);
  if (is_lost) {
    (void)co_await api_.exit_error("Extension.NextFailed", concat("event/next: ", to_string(last.error())));
  }
  co_return 0;
}

Task<Result<Event>> LifeCycle::serve_events() {
  if (graph_ != nullptr) graph_->recover();
  for (;;) {
    Result<Event> event = co_await api_.next();
    if (!event || event->kind == Event::Kind::shutdown) co_return std::move(event);
    if (event->kind == Event::Kind::invoke) {
      co_await serve_invocation(*event);
    } else {
      log(LogLevel::debug, "event of an unknown type: ", event->type);
    }
  }
}

Task<> LifeCycle::serve_invocation(const Event& event) {
  co_await end_flush_beside();
  invocation_deadline_ = event.deadline.value_or(Deadline{EpochTime{}});
  const InvocationPlan planned = plan(event);
  ++invocations_;
  if (graph_ == nullptr) co_return;
  const Deadline release = earlier(event.deadline.value_or(Deadline::never()), release_margin);
  switch (planned) {
    case InvocationPlan::pass: break;
    case InvocationPlan::flush_beside: beside_.spawn(flush_beside(release)); break;
    case InvocationPlan::flush_first: co_await flush_while_held(release, unseeing_hold_max); break;
    case InvocationPlan::flush_at_end:
      if (ends_by_span()) {
        co_await hold_by_span(event, release);
      } else {
        co_await hold(event, release);
      }
      break;
  }
}

InvocationPlan LifeCycle::plan(const Event& event) {
  const EpochTime now = runtime_.epoch_now();
  const InvocationFacts facts{.has_telemetry = telemetry_ != nullptr && event.deadline.has_value(),
                              .is_busy = history_.is_busy(now),
                              .is_behind = pool_.bytes_in_use() > pool_.bytes_max() / behind_divisor,
                              .now = now,
                              .flushed = flushed_};
  history_.add(now);
  const InvocationPlan planned = plan_invocation(settings_.flush, facts);
  if (planned != InvocationPlan::pass) flushed_ = now;
  return planned;
}

Task<> LifeCycle::hold(const Event& event, Deadline release) {
  const InvocationEnd ended = co_await telemetry_->wait_runtime_done(event.request_id, release);
  if (ended == InvocationEnd::not_seen) {
    log(LogLevel::debug, event.request_id, ": its end was not seen before its deadline");
    co_return;
  }
  // A reset follows, and the time of its SHUTDOWN runs already: everything is sent there.
  if (ended == InvocationEnd::failed) co_return;
  co_await flush_while_held(release);
}

bool LifeCycle::ends_by_span() const {
  return settings_.watch != nullptr && settings_.end_by_span > Nanoseconds::zero();
}

// Whichever tells first: the function by its span, or the platform.
Task<> LifeCycle::hold_by_span(const Event& event, Deadline release) {
  const std::string& id = event.request_id;
  settings_.watch->begin(id);
  auto telling = telemetry_->wait_runtime_done(id, release);
  auto silence = settings_.watch->wait_silence(settings_.end_by_span);
  auto raced = co_await race(runtime_, std::move(telling), std::move(silence));
  settings_.watch->end();
  const auto [told, is_silent] = raced.results;
  if (told == InvocationEnd::failed) co_return;
  if (told == InvocationEnd::succeeded) {
    co_await flush_while_held(release);
    co_return;
  }
  if (!is_silent) {
    log(LogLevel::debug, id, ": its end was not seen before its deadline");
    co_return;
  }
  auto flushing = flush_whole(release);
  auto failure = wait_failure(id, release);
  auto flushed = co_await race(runtime_, std::move(flushing), std::move(failure));
  // It will be told, and must not pass for the end of a second try of this invocation.
  if (std::get<1>(flushed.results) == InvocationEnd::not_seen) telemetry_->pass_over(id);
}

Task<bool> LifeCycle::flush_whole(Deadline release) {
  co_await flush_while_held(release);
  co_return true;
}

// A success is no reason to end what goes on beside this.
Task<InvocationEnd> LifeCycle::wait_failure(std::string request_id, Deadline release) {
  const InvocationEnd told = co_await telemetry_->wait_runtime_done(std::move(request_id), release);
  if (told == InvocationEnd::succeeded) (void)co_await runtime_.sleep_until(runtime_.monotonic(release));
  co_return told;
}

// The user pays for every millisecond of this.
Task<> LifeCycle::flush_while_held(Deadline release, Nanoseconds hold_max) {
  const EpochTime began = runtime_.epoch_now();
  const Deadline patience{std::min(release.at, began + hold_max)};
  const bool flushed = co_await graph_->flush(patience);
  const Nanoseconds held = runtime_.epoch_now() - began;
  held_ += held;
  if (flushed) co_return;
  log(LogLevel::debug, "something is left for later, after ", std::chrono::duration_cast<Milliseconds>(held).count(),
      " ms");
}

Task<> LifeCycle::flush_beside(Deadline deadline) { (void)co_await graph_->flush(deadline); }

// A flush only waits for what the graph does anyway: to end it loses nothing.
Task<> LifeCycle::end_flush_beside() {
  beside_.cancel();
  co_await beside_.join();
}

Task<> LifeCycle::stop(Deadline deadline) {
  co_await end_flush_beside();
  if (graph_ != nullptr) co_await graph_->stop(earlier(deadline, release_margin));
  if (idle_ != nullptr) co_await idle_->stop();
  if (telemetry_ != nullptr) co_await telemetry_->stop();
}

void LifeCycle::log_end(std::string_view why) const {
  DataCounters all = data_;
  if (idle_ != nullptr) all.refused += idle_->refused();
  log(LogLevel::info, "ended: ", why, ", after ", invocations_, " invocations: ", to_string(all), ", held for ",
      std::chrono::duration_cast<Milliseconds>(held_).count(), " ms");
}

}  // namespace stint::lambda
