// SPDX-License-Identifier: Apache-2.0
// The sending side of the Telemetry API: subscriptions, the events kept for those who subscribe late, one buffer per
// subscription cut by items, bytes and time, and its deliveries: one at a time, in order, repeated with back-off.
// Stands still while the environment is frozen, as the platform's own buffer does.
#pragma once

#include <deque>
#include <list>
#include <optional>
#include <string>

#include "tools/lambda/subscription.h"

namespace stint::platform {

struct Event {
  EpochTime time;
  EventKind kind = EventKind::platform;
  std::string type;         // platform.start, function, …
  std::string record;       // JSON
  std::string text_record;  // the record as a JSON string for old schema versions; empty: as `record`
};

class Telemetry {
 public:
  /// Borrows: both, which outlive it.
  Telemetry(const Settings& settings, Deliver& deliver) : settings_(settings), deliver_(deliver) {}

  /// A new subscriber first gets every event since the environment's start. The same extension and destination
  /// again: replaces the former. Fails: the sentence for the 400 answer.
  std::variant<Subscription, std::string> subscribe(const std::string& extension, std::string_view body, Now now);
  void emit(Event event, Now now);

  /// Init has ended: no subscription any more, and nothing is kept for later ones.
  void close();
  bool closed() const { return closed_; }
  /// The environment is gone: subscriptions and buffers with it.
  void reset();

  void freeze();
  void thaw(Now now);

  /// `status`: of the listener's answer; 0: no answer.
  void delivered(DeliveryId delivery, int status, Now now);
  std::optional<MonotonicTime> next_timer() const;
  void timer(Now now);

 private:
  struct Subscriber {
    std::string extension;
    Subscription subscription;
    std::deque<std::string> items;
    std::size_t bytes = 0;
    std::optional<MonotonicTime> flush_at;
    std::string batch;  // being delivered, kept until its 200
    std::size_t batch_items = 0;
    std::optional<DeliveryId> in_flight;
    std::optional<MonotonicTime> retry_at;
    int attempts = 0;
    std::uint64_t dropped_records = 0, dropped_bytes = 0;
  };

  void append(Subscriber& subscriber, const Event& event, Now now);
  Nanoseconds buffered_for(const Subscriber& subscriber) const;
  void report_dropped(Subscriber& subscriber, Now now);
  bool due(const Subscriber& subscriber, Now now) const;
  void cut_batch(Subscriber& subscriber, Now now);
  void post(Subscriber& subscriber);
  void pump(Subscriber& subscriber, Now now);
  void retry_or_drop(Subscriber& subscriber, Now now);

  const Settings& settings_;
  Deliver& deliver_;
  std::list<Subscriber> subscribers_;
  std::deque<Event> history_;
  bool closed_ = false;
  bool frozen_ = false;
  DeliveryId next_delivery_ = 1;
};

}  // namespace stint::platform
