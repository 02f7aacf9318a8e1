// SPDX-License-Identifier: Apache-2.0
// The one interface of components. Data is pushed from receivers through processors to exporters by `consume`; the life
// cycle drives `flush` and `stop` through the graph in topological order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/block.h"
#include "base/counters.h"
#include "config/provider.h"
#include "config/schema.h"
#include "pipeline/batch.h"
#include "runtime/channel.h"
#include "runtime/runtime.h"

namespace stint {

class InvocationWatch;

/// What a component is given at its making; all of it outlives the component.
struct ComponentContext {
  Runtime& runtime;
  BlockPool& pool;
  CopyCounters& copies;
  DataCounters& data;
  /// Notified whenever a component's activity() may have changed.
  Notifier& changed;
  const config::Environment& environment;
  /// Receivers show it what comes; null: nobody wants to know.
  InvocationWatch* watch = nullptr;
};

/// Items whose sender was told success are dropped: `error` is what their consumer said. Where only the environment's
/// end is in the way they stay in the journal, if they are there.
inline void give_up(ComponentContext& context, Error error, std::uint64_t items, Ticket& ticket) {
  context.data.drop(error, items);
  if (DataCounters::is_environment_end(error)) ticket.keep();
}

/// What a consumer does at present with data that it was given and has not let go of.
enum class Activity : std::uint8_t {
  idle,     // it has none
  working,  // it is getting on
  waiting,  // it will try again later: nobody should be held for that
};

class Component {
 public:
  Component() = default;
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;
  virtual ~Component() = default;

  /// Called once, exporters first, receivers last. Fails: anything; the component is off then and has logged why.
  virtual Task<Result<>> start() { co_return Result<>(); }
  /// Hands on what is held back. Suspends: until nothing is left, or what is left waits for a retry, or `deadline`.
  /// Fails: retryable (something is left), timed_out.
  virtual Task<Result<>> flush(Deadline deadline) {
    (void)deadline;
    co_return Result<>();
  }
  /// The environment ends: from now on nothing waits long for a later try (Retrier::hurry).
  virtual void hurry(Deadline deadline) { (void)deadline; }
  /// As flush, then the end: tasks joined, sockets closed. What could not be delivered is counted as dropped.
  virtual Task<> stop(Deadline deadline) {
    (void)deadline;
    co_return;
  }
};

/// Takes batches. Being one and being a Component are two things: a fan-out is only this.
class Consumer {
 public:
  virtual ~Consumer() = default;
  /// Suspends: until the batch is accepted: behind `batch` or `decouple` into bounded memory, else by the back end.
  /// The await is acknowledgement and back-pressure in one.
  /// Fails: retryable (detail: wait in ms), permanent, memory_full, unauthenticated, permission_denied, stopping,
  /// cancelled. The caller has lost the batch then and tells its sender, or counts it as dropped if it told success.
  virtual Task<Result<>> consume(Batch batch) = 0;
  virtual Activity activity() const = 0;
};

class Receiver : public Component {
 public:
  /// Called before start(), once per signal the receiver serves. Borrows: `next`.
  virtual void connect(otlp::Signal signal, Consumer& next) = 0;
};

class Processor : public Component, public Consumer {
 public:
  /// Whether consume() means accepted into bounded memory, and no longer delivered.
  virtual bool accepts() const { return false; }
  /// Called once, before start(), where all that comes was accepted before. What to warn of; empty: nothing.
  virtual std::string_view follow_acceptance() { return {}; }
};

class Exporter : public Component, public Consumer {};

/// The bits of a ComponentType's `signals`.
constexpr std::uint8_t signal_bit(otlp::Signal signal) {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(signal));
}
constexpr std::uint8_t every_signal = 7;

/// What every component type says of itself, one row of the table in components.cpp.
/// `make` decodes the section (null: defaults) and returns null after errors in `diagnostics`; with `context` null it
/// only decodes and validates. `next` is given to processors only.
template <typename Made, typename... Extra>
struct ComponentType {
  using Make = std::unique_ptr<Made> (*)(ComponentContext* context, const std::string& id, const config::Node& section,
                                         const config::Path& path, config::Diagnostics& diagnostics, Extra... extra);
  std::string_view type;
  std::uint8_t signals;
  const config::Schema* schema;
  bool (*defaults_suffice)();
  std::string_view doc;
  Make make;
};
using ReceiverType = ComponentType<Receiver>;
using ProcessorType = ComponentType<Processor, otlp::Signal, Consumer*>;
/// Its `make` is told for which signals pipelines name the exporter, as signal_bit()s.
using ExporterType = ComponentType<Exporter, std::uint8_t>;

namespace detail {
template <typename Part, typename Made, typename... Extra>
constexpr ComponentType<Made, Extra...> component_type(std::string_view type, std::string_view doc,
                                                       std::uint8_t signals) {
  return {type,
          signals,
          &config::schema_of<typename Part::Config>,
          &config::defaults_suffice<typename Part::Config>,
          doc,
          [](ComponentContext* context, const std::string& id, const config::Node& section, const config::Path& path,
             config::Diagnostics& diagnostics, Extra... extra) -> std::unique_ptr<Made> {
            typename Part::Config config;
            if (!config::decode(section, config, path, diagnostics) || context == nullptr) return nullptr;
            return std::make_unique<Part>(*context, id, std::move(config), extra...);
          }};
}
}  // namespace detail

/// `Part` has a nested `Config` with fields_of(), and is made from (context, id, config).
template <typename Part>
constexpr ReceiverType receiver_type(std::string_view type, std::string_view doc, std::uint8_t signals = every_signal) {
  return detail::component_type<Part, Receiver>(type, doc, signals);
}
/// As above, made from (context, id, config, signal, next).
template <typename Part>
constexpr ProcessorType processor_type(std::string_view type, std::string_view doc,
                                       std::uint8_t signals = every_signal) {
  return detail::component_type<Part, Processor, otlp::Signal, Consumer*>(type, doc, signals);
}
/// As the first. A Config with `void check_signals(const config::Report&, std::uint8_t used) const` says there which of
/// the signals that pipelines send to it have no place to go.
template <typename Part>
constexpr ExporterType exporter_type(std::string_view type, std::string_view doc, std::uint8_t signals = every_signal) {
  return {type,
          signals,
          &config::schema_of<typename Part::Config>,
          &config::defaults_suffice<typename Part::Config>,
          doc,
          [](ComponentContext* context, const std::string& id, const config::Node& section, const config::Path& path,
             config::Diagnostics& diagnostics, std::uint8_t used) -> std::unique_ptr<Exporter> {
            typename Part::Config config;
            if (!config::decode(section, config, path, diagnostics)) return nullptr;
            if constexpr (requires(const config::Report& report) { config.check_signals(report, used); }) {
              config.check_signals(config::Report(section, path, diagnostics), used);
            }
            if (context == nullptr) return nullptr;
            return std::make_unique<Part>(*context, id, std::move(config));
          }};
}

}  // namespace stint
