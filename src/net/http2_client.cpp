// SPDX-License-Identifier: Apache-2.0
#include "net/http2_client.h"

#include <algorithm>

#include "runtime/combine.h"

namespace stint::net {
namespace {

constexpr std::size_t output_bytes_max = 256u << 10;  // of one send
// The pauses between attempts to connect while a request waits for one.
constexpr Nanoseconds first_pause = Milliseconds(100);
constexpr Nanoseconds longest_pause = Seconds(5);
// A back end that takes nothing for so long is gone.
constexpr Nanoseconds sending_silence_max = Seconds(20);
// What a back end has answered before it stopped reading is read for so long.
constexpr Nanoseconds last_words_max = Seconds(1);
constexpr Nanoseconds farewell_max = Milliseconds(100);
constexpr std::size_t silent_retries_max = 3;

// A reset says something of the request, the rest only of the connection.
bool connection_died(Error error) {
  return error.place != static_cast<std::uint16_t>(Http2Place::reset) && peer_is_gone(error);
}

}  // namespace

// Lives until its tasks have ended; then nothing waits on it any more.
class Http2Client::Connection {
 public:
  Connection(Http2Client& client, ByteStream stream)
      : client_(client),
        runtime_(client.runtime_),
        stream_(std::move(stream)),
        buffer_(client.answers_, client.copies_),
        requests_(client.memory_, client.answers_, client.settings_.keepalive, runtime_.now()),
        to_write_(runtime_) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Http2Requests& requests() { return requests_; }
  bool is_usable() const { return !retired_ && requests_.is_usable(); }
  bool has_rested(Nanoseconds idle_max) const {
    return requests_.under_way() == 0 && runtime_.now() - requests_.idle_since() > idle_max;
  }
  /// There is something to write.
  void wake() { to_write_.notify_all(); }
  /// Takes no more requests, and closes when those under way have ended.
  void retire() {
    retired_ = true;
    wake();
  }
  /// For whom it was opened; to be asked to end at once.
  Scope::Member* task = nullptr;

  Task<Result<>> read() {
    for (;;) {
      if (const Result<> room = buffer_.reserve(1); !room) co_return room;
      const Result<std::size_t> received = co_await buffer_.receive(stream_, forever);
      if (!received) co_return received.error();
      if (*received == 0) co_return requests_.goodbye();
      const std::string_view bytes = buffer_.bytes();
      if (!requests_.receive(bytes, runtime_.now())) {
        co_return http2_error(ErrorCode::malformed, Http2Place::protocol);
      }
      buffer_.consume(bytes.size());
      client_.changed_.notify_all();
      if (requests_.wants_to_send() || requests_.is_over()) wake();
    }
  }

  Task<Result<>> write() {
    for (;;) {
      const Result<> sent = co_await flush();
      if (!sent) {
        if (may_have_answered(sent.error())) (void)co_await runtime_.sleep(last_words_max);
        co_return sent;
      }
      if (requests_.is_over() || (retired_ && requests_.under_way() == 0)) co_return requests_.goodbye();
      if (!requests_.keep_alive(runtime_.now())) co_return http2_error(ErrorCode::timed_out, Http2Place::silence);
      if (requests_.wants_to_send()) continue;
      const Result<> waited = co_await to_write_.wait(requests_.next_due());
      if (!waited && waited.error().code != ErrorCode::timed_out) co_return waited;
    }
  }

  Task<> close(Nanoseconds timeout) {
    requests_.say_goodbye();
    output_.clear();
    if (requests_.take_output(output_, output_bytes_max) && !output_.empty()) {
      (void)co_await stream_.send(output_.parts(), timeout);
    }
    output_.clear();
    co_await stream_.close(timeout);
  }

 private:
  Task<Result<>> flush() {
    while (requests_.wants_to_send()) {
      output_.clear();
      if (!requests_.take_output(output_, output_bytes_max)) {
        co_return http2_error(ErrorCode::malformed, Http2Place::protocol);
      }
      if (output_.empty()) break;
      const Result<> sent = co_await stream_.send(output_.parts(), sending_silence_max);
      output_.clear();
      if (!sent) co_return sent;
    }
    co_return Result<>();
  }

  Http2Client& client_;
  Runtime& runtime_;
  ByteStream stream_;
  ReceiveBuffer buffer_;
  Http2Requests requests_;
  Http2Output output_;
  Notifier to_write_;
  bool retired_ = false;
};

// An exchange in the frame of who waits for it.
class Http2Client::Waiting final : public Http2Exchange {
 public:
  /// Borrows: requests, until it has ended.
  Waiting(Runtime& runtime, const Http2Request& request, const Http2Requests& requests)
      : Http2Exchange(request), requests_(requests), ended_(runtime) {}

  /// Fails: timed_out, cancelled.
  Task<Result<>> wait(MonotonicTime end) {
    if (has_ended()) co_return Result<>();
    const Result<> waited = co_await ended_.wait(end);
    co_return has_ended() ? Result<>() : waited;
  }
  /// Its connection had answered something when this ended: it is no wonder that it died, and it got us on.
  bool was_served() const { return was_served_; }

 private:
  void ended() override {
    was_served_ = requests_.has_answered();
    ended_.notify_all();
  }
  const Http2Requests& requests_;
  Notifier ended_;
  bool was_served_ = false;
};

Http2Client::Http2Client(Connector& connector, BlockPool& answers, CopyCounters& copies, Http2ClientSettings settings)
    : connector_(connector),
      runtime_(connector.runtime()),
      answers_(answers),
      copies_(copies),
      settings_(settings),
      serving_(runtime_),
      changed_(runtime_) {}

Http2Client::~Http2Client() = default;

Task<Result<HttpResponse>> Http2Client::request(Http2Request request, MonotonicTime end) {
  if (connector_.has_jumped()) retire_all();
  for (std::size_t retries = 0;; ++retries) {
    const Result<Connection*> found = co_await ready_connection(end);
    if (!found) co_return found.error();
    Connection* const connection = *found;
    Http2Requests& requests = connection->requests();
    const MonotonicTime began = runtime_.now();
    Waiting exchange(runtime_, request, requests);
    requests.start(exchange, began);
    connection->wake();
    const Result<> waited = co_await exchange.wait(end);
    if (!waited) {
      // A connection that said nothing all the time may be dead: the next request gets another.
      if (requests.received_at() <= began && waited.error().code == ErrorCode::timed_out) connection->retire();
      requests.give_up(exchange, runtime_.now());
      connection->wake();
      co_return waited.error();
    }
    if (exchange.result()) co_return exchange.take_response();
    const Error error = exchange.result().error();
    const bool died = exchange.was_served() && !exchange.answer_begun() && connection_died(error);
    if ((!exchange.is_unprocessed() && !died) || retries == silent_retries_max) co_return error;
    ++silent_retries_;
  }
}

Http2Client::Connection* Http2Client::find_usable() {
  for (const auto& connection : connections_) {
    if (connection->has_rested(settings_.idle_max)) connection->retire();
    if (connection->is_usable()) return connection.get();
  }
  return nullptr;
}

// One task opens a connection; the others wait for it, and for room on one that is full.
Task<Result<Http2Client::Connection*>> Http2Client::ready_connection(MonotonicTime end) {
  for (Nanoseconds pause = first_pause;;) {
    if (Connection* const usable = find_usable()) {
      if (usable->requests().has_room()) co_return usable;
      const Result<> waited = co_await changed_.wait(end);
      if (!waited) co_return waited.error();
      continue;
    }
    const Result<> opened = co_await open(end);
    if (opened) continue;
    const bool final = opened.error().code == ErrorCode::cancelled || opened.error().code == ErrorCode::timed_out;
    if (final || !settings_.wait_for_ready || runtime_.now() + pause >= end) co_return opened.error();
    const Result<> slept = co_await runtime_.sleep(pause);
    if (!slept) co_return slept.error();
    pause = std::min(pause * 2, longest_pause);
  }
}

Task<Result<>> Http2Client::open(MonotonicTime end) {
  if (closed_) co_return Error{ErrorCode::stopping};
  if (opening_) {
    const std::size_t failures = failures_;
    const Result<> waited = co_await changed_.wait(end);
    if (!waited) co_return waited;
    co_return failures_ != failures ? Result<>(last_failure_) : Result<>();
  }
  opening_ = true;
  Result<ByteStream> stream = co_await connector_.open(end);
  opening_ = false;
  if (stream && stream->is_secured() && stream->protocol() != "h2") {
    other_.emplace(std::move(*stream));
    stream = http2_error(ErrorCode::unsupported, Http2Place::not_offered);
  }
  // Who waits has a time of its own.
  if (!stream && stream.error().code != ErrorCode::cancelled && stream.error().code != ErrorCode::timed_out) {
    ++failures_;
    last_failure_ = stream.error();
  }
  changed_.notify_all();
  if (!stream) co_return stream.error();
  connections_.push_back(std::make_unique<Connection>(*this, std::move(*stream)));
  Connection& connection = *connections_.back();
  connection.task = serving_.spawn(serve(connection));
  co_return Result<>();
}

Task<> Http2Client::serve(Connection& connection) {
  auto reading = connection.read();
  auto writing = connection.write();
  const auto done = co_await race(runtime_, std::move(reading), std::move(writing));
  const Result<>& result = done.first == 0 ? std::get<0>(done.results) : std::get<1>(done.results);
  // Cancelled are the connection's tasks; to who waits for an answer that is a connection that closed.
  const bool closed = result || result.error().code == ErrorCode::cancelled;
  const Error error = closed ? Error{ErrorCode::closed} : result.error();
  if (connection.requests().too_many_pings()) settings_.keepalive.ping_after *= 2;
  connection.requests().end_all(error);
  co_await connection.close(farewell_max);
  std::erase_if(connections_, [&](const auto& one) { return one.get() == &connection; });
  changed_.notify_all();
}

// What a snapshot remembers of connections is not even worth a goodbye.
void Http2Client::retire_all() {
  for (const auto& connection : connections_) {
    connection->retire();
    Scope::cancel(*connection->task);
  }
}

Task<> Http2Client::close(Nanoseconds timeout) {
  closed_ = true;
  const MonotonicTime end = runtime_.now() + timeout;
  for (const auto& connection : connections_) connection->retire();
  while (!connections_.empty()) {
    const Result<> ended = co_await changed_.wait(end);
    if (!ended) break;
  }
  serving_.cancel();
  co_await serving_.join();
}

}  // namespace stint::net
