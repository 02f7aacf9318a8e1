// SPDX-License-Identifier: Apache-2.0
// Whether the function says by its own telemetry that its invocation is over: the span that an SDK makes of the
// invocation has come, and then nothing for a while. Receivers show every request to the watch; it keeps none of them.
#pragma once

#include <string>
#include <string_view>

#include "otlp/signal.h"
#include "runtime/channel.h"

namespace stint {

/// True when a traces request holds a span of this invocation as instrumentations make it: incoming (a server's or a
/// consumer's), ended, and with the id as its `faas.invocation_id`, or `faas.execution` as it was called before.
/// Requires: walk() accepted the request. Source: semantic conventions, FaaS spans.
bool holds_span_of_invocation(std::string_view traces_request, std::string_view request_id);

class InvocationWatch {
 public:
  /// Borrows: runtime.
  explicit InvocationWatch(Runtime& runtime) : runtime_(runtime), came_(runtime) {}

  /// An invocation runs; from now on requests are looked at.
  void begin(std::string_view request_id);
  void end() { request_id_.clear(); }
  bool is_watching() const { return !request_id_.empty(); }

  /// A request has come in whole. Requires: is_watching(); walk() accepted the request.
  void see(otlp::Signal signal, std::string_view request);
  /// A sender has been answered, or is about to be.
  void answer() { last_ = runtime_.now(); }

  /// Suspends: until the invocation's span has come and since then no request for as long as `silence`.
  /// False: the task was cancelled.
  Task<bool> wait_silence(Nanoseconds silence);

 private:
  Runtime& runtime_;
  Notifier came_;
  std::string request_id_;  // empty: nothing is watched
  bool has_come_ = false;
  MonotonicTime last_{};  // request or answer
};

}  // namespace stint
