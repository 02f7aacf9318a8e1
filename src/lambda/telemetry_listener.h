// SPDX-License-Identifier: Apache-2.0
// The listener to which the Telemetry API delivers. Every delivery is answered 200 at once, whatever it holds: any
// other answer makes the platform deliver it again. Deliveries come at least once; each event is handed on once. Its
// memory is its own, so that deliveries get in when the memory for data is full.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/block.h"
#include "base/counters.h"
#include "net/http_server.h"
#include "runtime/channel.h"
#include "wire/platform_events.h"

namespace stint::lambda {

/// What became of an invocation.
enum class InvocationEnd : std::uint8_t {
  not_seen,   // until the deadline
  succeeded,  // as the platform sees it: the function has answered, well or not
  failed      // timed out, crashed: the environment is reset
};

/// Takes platform events as they come (receivers of platform events will be these).
class TelemetrySink {
 public:
  virtual ~TelemetrySink() = default;
  /// Must not keep the event's views.
  virtual void take(const wire::PlatformEvent& event) = 0;
};

class TelemetryListener final : private net::HttpService {
 public:
  /// Borrows: runtime.
  explicit TelemetryListener(Runtime& runtime);
  ~TelemetryListener() override;

  /// Binds every address of the sandbox at a port that is free, and serves. Fails: in_use, system.
  Result<> open();
  std::uint16_t port() const { return port_; }
  /// The listening socket.
  Handle handle() const { return handle_; }
  /// What the platform is told to deliver to. `sam_local`: as local containers want it, without a host.
  std::string uri(bool sam_local) const;
  /// Borrows: `sink`, which outlives the listener. Before open().
  void add_sink(TelemetrySink& sink) { sinks_.push_back(&sink); }

  /// Suspends: until platform.runtimeDone of this request has come, also when it came before; at most until `deadline`.
  /// Each runtimeDone answers one wait: an invocation that is tried again keeps its request id.
  /// `not_seen`: it has not come, or the task was cancelled.
  Task<InvocationEnd> wait_runtime_done(std::string request_id, Deadline deadline);
  /// The runtimeDone of this request will answer no wait: whoever wanted to know does so already.
  /// Requires: it was waited for, and not seen.
  void pass_over(std::string request_id);
  /// Closes everything. Requires: nobody waits.
  Task<> stop();

  std::size_t deliveries() const { return deliveries_; }

 private:
  // The last few hashes, to recognize what comes again.
  template <std::size_t count>
  class Recent {
   public:
    /// False: it was there.
    bool add(std::uint64_t hash) {
      for (const std::uint64_t known : hashes_) {
        if (known == hash) return false;
      }
      hashes_[next_++ % count] = hash;
      return true;
    }

   private:
    std::array<std::uint64_t, count> hashes_{};
    std::size_t next_ = 0;
  };
  static constexpr std::size_t done_max = 16;

  Task<net::HttpReply> serve(net::HttpRequest request) override;
  net::HttpReply failure(const wire::RequestHead* head, int status, std::string_view message) override;
  void take(const wire::PlatformEvent& event);
  bool is_passed_over(std::string_view request_id);

  Runtime& runtime_;
  BlockPool pool_;
  CopyCounters copies_;
  net::HttpServer server_;
  Notifier runtime_done_;
  std::vector<TelemetrySink*> sinks_;
  struct Done {
    std::string request_id;
    InvocationEnd end;
  };
  std::deque<Done> done_;  // those that nobody has waited for yet
  std::deque<std::string> passed_over_;
  Recent<16> bodies_;   // of whole deliveries
  Recent<128> events_;  // of type, request id and time
  std::size_t deliveries_ = 0;
  Handle handle_ = no_handle;
  std::uint16_t port_ = 0;
};

}  // namespace stint::lambda
