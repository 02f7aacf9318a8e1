// SPDX-License-Identifier: Apache-2.0
// The Extensions API: who has registered for what, and which state transitions each call may make. It answers what can
// be answered and holds `next`; what a transition means for the life cycle is the listener's business.
#pragma once

#include <list>
#include <optional>
#include <string>

#include "tools/lambda/identifiers.h"
#include "tools/lambda/sandbox.h"

namespace stint::platform {

enum class ExtensionState : std::uint8_t {
  started,
  registered,
  ready,
  running,
  init_error,
  exit_error,
  launch_error,
  exited,
  shutdown_failed
};
/// As in platform.extension: Started, Registered, …
std::string_view name(ExtensionState state);

struct Extension {
  std::string name;
  std::string id;  // its identifier, a UUID
  bool external = true;
  ExtensionState state = ExtensionState::started;
  bool wants_invoke = false, wants_shutdown = false;
  std::string error_type;            // what it reported, or what became of it
  std::optional<CallId> held;        // its outstanding next
  std::optional<Answer> waiting;     // an event that came while no next was outstanding
  std::optional<ProcessId> process;  // while it runs

  bool registered() const { return state != ExtensionState::started && state != ExtensionState::launch_error; }
};

/// Hears of the transitions. Called while a request is being handled; the call is answered or held by then.
class ExtensionsListener {
 public:
  virtual ~ExtensionsListener() = default;
  virtual void extension_registered(Extension& extension, Now now) = 0;
  virtual void extension_ready(Extension& extension, Now now) = 0;
  /// `/init/error` or `/exit/error`; `platform_type` is Extension.InitError or Extension.ExitError.
  virtual void extension_error(Extension& extension, std::string_view platform_type, Now now) = 0;
};

class ExtensionsApi {
 public:
  ExtensionsApi(const Settings& settings, Calls& calls, Identifiers& identifiers, ExtensionsListener& listener)
      : settings_(settings), calls_(calls), identifiers_(identifiers), listener_(listener) {}

  /// An executed file, in state Started.
  Extension& add_external(const std::string& name);
  /// The runtime has called next: internal extensions can register no more.
  void close_registration() { closed_ = true; }
  void reset();

  /// `operation`: what follows `/extension` in the path. False: no such operation.
  bool handle(CallId call, std::string_view operation, const Request& request, Now now);
  /// The extension a request names by its identifier; nullptr: the call has been answered with 403.
  Extension* identify(CallId call, const Request& request);
  /// The connection of a held call is gone; its event will be lost, the state stays.
  void call_closed(CallId call);

  /// Answers the outstanding next, or the following one when there is none.
  void send(Extension& extension, Answer event);

  std::list<Extension>& all() { return extensions_; }
  const std::list<Extension>& all() const { return extensions_; }

 private:
  void register_extension(CallId call, const Request& request, Now now);
  void next(CallId call, const Request& request, Now now);
  void report_error(CallId call, const Request& request, bool init, Now now);
  Answer registered_answer(const Extension& extension, const Request& request) const;
  void refuse(CallId call, std::string_view type, std::string_view message);
  void refuse_transition(CallId call, const Extension& extension, ExtensionState to, const std::string& who);
  Extension* find(std::string_view name);

  const Settings& settings_;
  Calls& calls_;
  Identifiers& identifiers_;
  ExtensionsListener& listener_;
  std::list<Extension> extensions_;
  bool closed_ = false;
};

}  // namespace stint::platform
