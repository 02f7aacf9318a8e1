// SPDX-License-Identifier: Apache-2.0
// When a gRPC connection is probed, drained or closed, and which pings of a client are too many: grpc-go's keepalive as
// a function of what happened and when. No clock, no I/O.
#pragma once

#include "base/time.h"

namespace stint::net {

struct KeepaliveSettings {
  static constexpr Nanoseconds never = Nanoseconds::max();
  Nanoseconds idle_max = never;                // without a call; then drained
  Nanoseconds age_max = never;                 // then drained
  Nanoseconds age_grace = never;               // for the calls under way, after that
  Nanoseconds ping_after = Seconds(2 * 3600);  // of silence
  Nanoseconds ping_timeout = Seconds(20);
  Nanoseconds min_ping_interval = Seconds(300);  // of a client
  bool pings_without_calls = false;              // a client may
  bool needs_calls = false;                      // no pings of ours without one
};

class Keepalive {
 public:
  Keepalive(const KeepaliveSettings& settings, MonotonicTime now);

  enum class Action : std::uint8_t {
    none,
    ping,    // send one
    drain,   // no new calls on this connection
    finish,  // the peer had its time to see the drain: refuse what comes now
    close,   // at once
  };
  /// What is due at `now`; ask again until none. `calls`: some are under way.
  Action due(MonotonicTime now, bool calls);
  /// When due() may have something to say, unless anything else happens.
  MonotonicTime next(bool calls) const;

  void received(MonotonicTime now);
  /// A call has begun or ended.
  void calls_changed(MonotonicTime now) { idle_since_ = now; }
  MonotonicTime idle_since() const { return idle_since_; }
  /// The client pings. False: too often for the third time.
  bool accept_ping(MonotonicTime now, bool calls);
  /// Something of an answer was sent: the next ping is free.
  void answer_sent() { free_ping_ = true; }
  /// Somebody else drains.
  void drain(MonotonicTime now);
  bool draining() const { return draining_; }

 private:
  MonotonicTime ping_at(bool calls) const;

  KeepaliveSettings settings_;
  MonotonicTime received_at_;
  MonotonicTime idle_since_;
  MonotonicTime born_;
  MonotonicTime pinged_at_{};  // ours, while its answer is awaited
  MonotonicTime client_pinged_at_ = MonotonicTime::min();
  MonotonicTime finish_at_ = MonotonicTime::max();
  MonotonicTime close_at_ = MonotonicTime::max();
  int strikes_ = 0;
  bool awaits_answer_ = false;
  bool free_ping_ = false;
  bool draining_ = false;
};

}  // namespace stint::net
