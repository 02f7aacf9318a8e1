// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/telemetry.h"

#include <algorithm>

#include "tools/lambda/json_writer.h"

namespace stint::platform {
namespace {

std::string envelope(const Event& event, bool text_record) {
  JsonWriter json;
  json.open('{').field("time", iso_time(event.time)).field("type", event.type);
  json.key("record").raw(text_record && !event.text_record.empty() ? event.text_record : event.record).close('}');
  return json.take();
}

}  // namespace

std::variant<Subscription, std::string> Telemetry::subscribe(const std::string& extension, std::string_view body,
                                                             Now now) {
  std::variant<Subscription, std::string> parsed = parse_subscription(body, settings_.mode);
  if (std::holds_alternative<std::string>(parsed)) return parsed;
  const Subscription& subscription = std::get<Subscription>(parsed);
  for (Subscriber& former : subscribers_) {
    if (former.extension == extension && former.subscription.destination == subscription.destination) {
      former.subscription = subscription;
      return parsed;
    }
  }
  Subscriber& subscriber = subscribers_.emplace_back();
  subscriber.extension = extension;
  subscriber.subscription = subscription;
  for (const Event& event : history_) append(subscriber, event, now);
  pump(subscriber, now);
  return parsed;
}

void Telemetry::emit(Event event, Now now) {
  for (Subscriber& subscriber : subscribers_) {
    append(subscriber, event, now);
    pump(subscriber, now);
  }
  if (!closed_) history_.push_back(std::move(event));
}

Nanoseconds Telemetry::buffered_for(const Subscriber& subscriber) const {
  return subscriber.subscription.timeout + settings_.telemetry_delay;
}

void Telemetry::append(Subscriber& subscriber, const Event& event, Now now) {
  if (!subscriber.subscription.wants(event.kind)) return;
  std::string item = envelope(event, subscriber.subscription.text_records());
  if (subscriber.bytes + item.size() > settings_.telemetry_queue_bytes_max) {
    ++subscriber.dropped_records;
    subscriber.dropped_bytes += item.size();
    return;
  }
  report_dropped(subscriber, now);
  subscriber.bytes += item.size();
  subscriber.items.push_back(std::move(item));
  if (!subscriber.flush_at) subscriber.flush_at = now.monotonic + buffered_for(subscriber);
}

void Telemetry::report_dropped(Subscriber& subscriber, Now now) {
  if (subscriber.dropped_records == 0 || !subscriber.subscription.platform) return;
  JsonWriter record;
  record.open('{').integer_field("droppedBytes", static_cast<std::int64_t>(subscriber.dropped_bytes));
  record.integer_field("droppedRecords", static_cast<std::int64_t>(subscriber.dropped_records));
  record.field("reason", "The listener is slower than the logs are produced, or it does not answer").close('}');
  std::string item = envelope(Event{now.epoch, EventKind::platform, "platform.logsDropped", record.take(), {}}, false);
  subscriber.dropped_records = subscriber.dropped_bytes = 0;
  subscriber.bytes += item.size();
  subscriber.items.push_back(std::move(item));
  if (!subscriber.flush_at) subscriber.flush_at = now.monotonic + buffered_for(subscriber);
}

bool Telemetry::due(const Subscriber& subscriber, Now now) const {
  if (subscriber.items.empty()) return false;
  const Subscription& subscription = subscriber.subscription;
  return subscriber.items.size() >= subscription.items_max || subscriber.bytes >= subscription.bytes_max ||
         now.monotonic >= *subscriber.flush_at;
}

void Telemetry::cut_batch(Subscriber& subscriber, Now now) {
  const bool lines = subscriber.subscription.destination.protocol == Destination::Protocol::tcp;
  std::size_t bytes = 0;
  subscriber.batch.clear();
  subscriber.batch_items = 0;
  while (!subscriber.items.empty() && subscriber.batch_items < subscriber.subscription.items_max &&
         bytes < subscriber.subscription.bytes_max) {
    const std::string& item = subscriber.items.front();
    if (!lines) subscriber.batch.push_back(subscriber.batch.empty() ? '[' : ',');
    subscriber.batch.append(item);
    if (lines) subscriber.batch.push_back('\n');
    bytes += item.size();
    ++subscriber.batch_items;
    subscriber.items.pop_front();
  }
  if (!lines) subscriber.batch.push_back(']');
  subscriber.bytes -= bytes;
  subscriber.attempts = 0;
  subscriber.flush_at.reset();
  if (!subscriber.items.empty()) subscriber.flush_at = now.monotonic + buffered_for(subscriber);
}

void Telemetry::post(Subscriber& subscriber) {
  subscriber.retry_at.reset();
  subscriber.in_flight = next_delivery_++;
  ++subscriber.attempts;
  deliver_.post(*subscriber.in_flight, subscriber.subscription.destination, subscriber.batch);
}

void Telemetry::pump(Subscriber& subscriber, Now now) {
  if (frozen_ || subscriber.in_flight) return;
  if (!subscriber.batch.empty()) {
    if (subscriber.retry_at && now.monotonic >= *subscriber.retry_at) post(subscriber);
    return;
  }
  if (!due(subscriber, now)) return;
  cut_batch(subscriber, now);
  post(subscriber);
}

void Telemetry::delivered(DeliveryId delivery, int status, Now now) {
  const auto found = std::find_if(subscribers_.begin(), subscribers_.end(),
                                  [&](const Subscriber& subscriber) { return subscriber.in_flight == delivery; });
  if (found == subscribers_.end()) return;  // of an environment that is gone
  found->in_flight.reset();
  if (status >= 200 && status < 300) {
    found->batch.clear();
    report_dropped(*found, now);
  } else {
    retry_or_drop(*found, now);
  }
  pump(*found, now);
}

void Telemetry::retry_or_drop(Subscriber& subscriber, Now now) {
  if (subscriber.attempts < settings_.delivery_attempts_max) {
    Nanoseconds wait = settings_.delivery_backoff_first;
    for (int i = 1; i < subscriber.attempts && wait < settings_.delivery_backoff_max; ++i) wait *= 2;
    subscriber.retry_at = now.monotonic + std::min(wait, settings_.delivery_backoff_max);
    return;
  }
  subscriber.dropped_records += subscriber.batch_items;
  subscriber.dropped_bytes += subscriber.batch.size();
  subscriber.batch.clear();
  report_dropped(subscriber, now);
}

std::optional<MonotonicTime> Telemetry::next_timer() const {
  std::optional<MonotonicTime> next;
  if (frozen_) return next;
  for (const Subscriber& subscriber : subscribers_) {
    if (subscriber.in_flight) continue;
    const std::optional<MonotonicTime> at = subscriber.batch.empty() ? subscriber.flush_at : subscriber.retry_at;
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

void Telemetry::timer(Now now) {
  for (Subscriber& subscriber : subscribers_) pump(subscriber, now);
}

void Telemetry::close() {
  closed_ = true;
  history_.clear();
}

void Telemetry::reset() {
  subscribers_.clear();
  history_.clear();
  closed_ = frozen_ = false;
}

void Telemetry::freeze() { frozen_ = true; }

void Telemetry::thaw(Now now) {
  frozen_ = false;
  timer(now);
}

}  // namespace stint::platform
