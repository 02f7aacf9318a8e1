// SPDX-License-Identifier: Apache-2.0
#include "net/keepalive.h"

#include <algorithm>

namespace stint::net {
namespace {

// A client may ping this often without a call where that is not permitted. Source: grpc-go, defaultPingTimeout.
constexpr Nanoseconds ping_interval_without_calls = Seconds(2 * 3600);
constexpr int strikes_max = 2;
// For a client to see the first GOAWAY. Source: grpc-go.
constexpr Nanoseconds drain_notice = Seconds(5);

}  // namespace

Keepalive::Keepalive(const KeepaliveSettings& settings, MonotonicTime now)
    : settings_(settings), received_at_(now), idle_since_(now), born_(now) {}

void Keepalive::received(MonotonicTime now) {
  received_at_ = now;
  awaits_answer_ = false;
}

void Keepalive::drain(MonotonicTime now) {
  if (draining_) return;
  draining_ = true;
  finish_at_ = after(now, drain_notice);
}

MonotonicTime Keepalive::ping_at(bool calls) const {
  if (!awaits_answer_ && !calls && settings_.needs_calls) return MonotonicTime::max();
  return awaits_answer_ ? after(pinged_at_, settings_.ping_timeout) : after(received_at_, settings_.ping_after);
}

Keepalive::Action Keepalive::due(MonotonicTime now, bool calls) {
  if (now >= close_at_) return Action::close;
  if (now >= ping_at(calls)) {
    if (awaits_answer_) return Action::close;
    awaits_answer_ = true;
    pinged_at_ = now;
    return Action::ping;
  }
  if (draining_) {
    if (now < finish_at_) return Action::none;
    finish_at_ = MonotonicTime::max();
    return Action::finish;
  }
  const bool old = now >= after(born_, settings_.age_max);
  if (!old && (calls || now < after(idle_since_, settings_.idle_max))) return Action::none;
  if (old) close_at_ = after(now, settings_.age_grace);
  drain(now);
  return Action::drain;
}

MonotonicTime Keepalive::next(bool calls) const {
  const MonotonicTime always = std::min(close_at_, ping_at(calls));
  if (draining_) return std::min(always, finish_at_);
  const MonotonicTime idle = calls ? MonotonicTime::max() : after(idle_since_, settings_.idle_max);
  return std::min({always, idle, after(born_, settings_.age_max)});
}

bool Keepalive::accept_ping(MonotonicTime now, bool calls) {
  const MonotonicTime before = client_pinged_at_;
  client_pinged_at_ = now;
  if (free_ping_) {
    free_ping_ = false;
    strikes_ = 0;
    return true;
  }
  const Nanoseconds interval =
      calls || settings_.pings_without_calls ? settings_.min_ping_interval : ping_interval_without_calls;
  if (before != MonotonicTime::min() && after(before, interval) > now) ++strikes_;
  return strikes_ <= strikes_max;
}

}  // namespace stint::net
