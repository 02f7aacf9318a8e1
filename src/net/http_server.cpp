// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/log.h"
#include "net/http_body.h"
#include "net/receive_buffer.h"

namespace stint::net {
namespace {

// What is left of a refused request is read and dropped up to here, so that the peer reads our answer and no reset.
constexpr std::size_t linger_bytes_max = 1u << 20;
constexpr Nanoseconds linger_max = Seconds(1);
// A peer that was frozen together with us gets this long to send what it was about to send.
constexpr Nanoseconds thaw_grace = Seconds(1);

int failure_status(Error error, bool head, int body_too_large_status) {
  switch (error.code) {
    case ErrorCode::too_large: return head ? 431 : body_too_large_status;
    case ErrorCode::too_many: return 431;
    case ErrorCode::timed_out: return 408;
    case ErrorCode::memory_full: return 503;
    case ErrorCode::unsupported: return 505;
    default: return 400;
  }
}

}  // namespace

HttpReply HttpService::failure(const wire::RequestHead*, int status, std::string_view message) {
  HttpReply reply{.status = status, .content_type = "text/plain; charset=utf-8", .body = concat(message, "\n")};
  if (status == 503) reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

class HttpServer::Connection {
 public:
  Connection(HttpServer& server, Stream stream)
      : server_(server), stream_(std::move(stream)), buffer_(server.pool_, server.copies_) {
    next_ = server.first_;
    if (next_ != nullptr) next_->previous_ = this;
    server.first_ = this;
    ++server.connections_;
  }
  ~Connection() {
    (previous_ != nullptr ? previous_->next_ : server_.first_) = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    --server_.connections_;
    server_.connection_ended_.notify_all();
  }
  Task<> run() {
    if (server_.settings_.tls != nullptr) {
      const bool secured = co_await secure();
      if (!secured) co_return;
    }
    for (;;) {
      const bool open = co_await serve_one();
      if (!open) break;
      ++served_;
    }
    co_await stream_.close(linger_max);
  }

 private:
  Task<bool> secure() {
    wait_begins();
    const MonotonicTime end = server_.runtime_.now() + server_.settings_.head_max;
    Result<std::unique_ptr<TlsStream>> secured = co_await server_.settings_.tls->secure(stream_.take_plain(), end);
    idle_ = false;
    if (!secured) co_return false;
    stream_ = ByteStream(std::move(*secured));
    co_return true;
  }

  void wait_begins() {
    idle_ = true;
    idle_since_ = server_.runtime_.now();
  }

  // False: the connection is over.
  Task<bool> serve_one() {
    const Result<std::size_t> head_size = co_await read_head();
    if (!head_size) co_return co_await refuse(nullptr, head_size.error(), true);
    if (*head_size == 0) co_return false;
    std::optional<HttpReply> refused;
    if (server_.settings_.cors != nullptr) refused = server_.settings_.cors->preflight(head_);
    if (!refused) refused = server_.service_.refuse(head_);
    if (refused) {
      co_return co_await refuse_with(std::move(*refused), *head_size);
    }
    BodyPlan plan{.framing = head_.framing,
                  .content_length = static_cast<std::size_t>(head_.content_length.value_or(0)),
                  .bytes_max = server_.settings_.body_bytes_max,
                  .silence_max = server_.settings_.silence_max,
                  .end = request_end_};
    if (head_.content_length.value_or(0) > plan.bytes_max) {
      co_return co_await refuse(&head_, Error{ErrorCode::too_large}, false);
    }
    if (Result<> room = make_room(*head_size, plan); !room) co_return co_await refuse(&head_, room.error(), false);
    // Keeps the head's views valid, whatever the body does with the buffer.
    const Slice head_bytes = buffer_.slice(0, *head_size);
    if (head_.expect_continue && buffer_.bytes().size() == *head_size && plan.framing != wire::BodyFraming::none) {
      const Result<> sent = co_await stream_.send("HTTP/1.1 100 Continue\r\n\r\n", plan.silence_max);
      if (!sent) co_return false;
    }
    Result<Slice> body = co_await read_body(stream_, buffer_, *head_size, plan, server_.pool_, server_.copies_);
    if (!body) co_return co_await refuse(&head_, body.error(), false);
    HttpRequest request{head_, std::move(*body)};
    HttpReply reply = co_await server_.service_.serve(std::move(request));
    if (!head_.keep_alive || !server_.settings_.keep_alive || server_.stopping_) reply.close = true;
    co_return co_await send(reply, &head_);
  }

  // Bytes of the head, 0 when the peer has closed between requests.
  Task<Result<std::size_t>> read_head() {
    std::size_t scanned = 0;
    bool second_wait = false;
    MonotonicTime head_end = MonotonicTime::max();
    for (;;) {
      const bool begun = !buffer_.bytes().empty();
      if (begun) {
        if (head_end == MonotonicTime::max()) head_end = request_begins();
        const Result<std::size_t> size = wire::parse_request_head(buffer_.bytes(), scanned, head_);
        if (!size || *size > 0) co_return size;
      } else if (server_.stopping_) {
        co_return std::size_t{0};
      }
      if (Result<> room = buffer_.reserve(buffer_.bytes().size() + 1); !room) co_return room.error();
      Nanoseconds timeout =
          std::clamp(head_end - server_.runtime_.now(), Nanoseconds(1), server_.settings_.silence_max);
      if (!begun) {
        timeout = second_wait ? thaw_grace : server_.settings_.idle_max;
        wait_begins();
      }
      const Result<std::size_t> received = co_await buffer_.receive(stream_, timeout);
      idle_ = false;
      if (leaving_) co_return std::size_t{0};
      if (received && *received > 0) continue;
      if (begun && received) co_return Error{ErrorCode::closed};
      if (begun) co_return received.error();
      if (received || received.error().code != ErrorCode::timed_out || second_wait) co_return std::size_t{0};
      second_wait = true;
    }
  }

  // The ends of the request and, returned, of its head.
  MonotonicTime request_begins() {
    const MonotonicTime now = server_.runtime_.now();
    request_end_ = after(now, server_.settings_.request_max);
    return std::min(after(now, server_.settings_.head_max), request_end_);
  }

  // Room for the whole request before anything is shared; the head moves along and is read anew then.
  Result<> make_room(std::size_t head_size, const BodyPlan& plan) {
    if (plan.framing != wire::BodyFraming::length) return {};
    const char* const before = buffer_.bytes().data();
    if (Result<> room = buffer_.reserve(head_size + plan.content_length); !room) return room;
    if (buffer_.bytes().data() != before) {
      std::size_t scanned = 0;
      const Result<std::size_t> again = wire::parse_request_head(buffer_.bytes(), scanned, head_);
      STINT_CHECK(again && *again == head_size);
    }
    return {};
  }

  Task<bool> refuse(const wire::RequestHead* head, Error error, bool in_head) {
    if (error.code == ErrorCode::cancelled || error.code == ErrorCode::closed || error.code == ErrorCode::system) {
      co_return false;  // nobody is there to read an answer
    }
    const int status = failure_status(error, in_head, server_.settings_.body_too_large_status);
    HttpReply reply =
        server_.service_.failure(head, status, concat(in_head ? "request head: " : "request body: ", name(error.code)));
    reply.close = true;
    co_await send(reply, head);
    co_await stream_.linger(linger_max, linger_bytes_max);
    co_return false;
  }

  // A refusal from the head alone: the body is skipped if it is short and there, else the connection ends.
  Task<bool> refuse_with(HttpReply reply, std::size_t head_size) {
    const bool no_body = head_.framing == wire::BodyFraming::none ||
                         (head_.framing == wire::BodyFraming::length && head_.content_length.value_or(0) == 0);
    const bool here = head_.framing == wire::BodyFraming::length &&
                      head_.content_length.value_or(0) <= buffer_.bytes().size() - head_size;
    if (!head_.keep_alive || !server_.settings_.keep_alive || !(no_body || here)) reply.close = true;
    const std::size_t body_size = here ? static_cast<std::size_t>(*head_.content_length) : 0;
    const bool open = co_await send(reply, &head_);
    if (open) {
      buffer_.consume(head_size + body_size);
      co_return true;
    }
    co_await stream_.linger(linger_max, linger_bytes_max);
    co_return false;
  }

  // The reply's head into out_. `head`: of the request, if that was understood.
  void write_head(HttpReply& reply, const wire::RequestHead* head) {
    if (head != nullptr && server_.settings_.cors != nullptr) server_.settings_.cors->add_headers(*head, reply);
    const auto extra = server_.settings_.extra_headers;
    std::vector<wire::Header> headers;
    headers.reserve(reply.headers.size() + 1 + extra.size());
    if (!reply.content_type.empty()) headers.push_back({"Content-Type", reply.content_type});
    for (const auto& [name, value] : reply.headers) headers.push_back({name, value});
    const std::size_t own = headers.size();
    for (const auto& [name, value] : extra) {
      const auto same = [&](const wire::Header& one) { return wire::equals_ignoring_case(one.name, name); };
      const bool said = std::any_of(headers.begin(), headers.begin() + static_cast<std::ptrdiff_t>(own), same);
      if (!said) headers.push_back({name, value});
    }
    out_.clear();
    const std::optional<std::uint64_t> length =
        reply.status == 204 ? std::nullopt : std::optional<std::uint64_t>(reply.body.size());
    const Result<> written = wire::append_response_head(out_, reply.status, headers, length, !reply.close);
    STINT_CHECK(written.has_value());
  }

  // True: sent, and the connection stays open.
  Task<bool> send(HttpReply& reply, const wire::RequestHead* head) {
    write_head(reply, head);
    const iovec parts[] = {{out_.data(), out_.size()}, {const_cast<char*>(reply.body.data()), reply.body.size()}};
    const bool body = !reply.body.empty() && (head == nullptr || head->method != "HEAD");
    const std::span<const iovec> span(parts, body ? 2 : 1);
    const Result<> sent = co_await stream_.send(span, server_.settings_.send_silence_max);
    co_return sent.has_value() && !reply.close;
  }

  HttpServer& server_;
  ByteStream stream_;
  ReceiveBuffer buffer_;
  wire::RequestHead head_;
  std::string out_;
  bool idle_ = false;     // between requests, or not yet with one
  bool leaving_ = false;  // closed for a new one
  std::size_t served_ = 0;
  MonotonicTime idle_since_{};
  MonotonicTime request_end_{};
  Scope::Member* task_ = nullptr;
  Connection* next_ = nullptr;
  Connection* previous_ = nullptr;
  friend class HttpServer;
};

HttpServer::HttpServer(Runtime& runtime, BlockPool& pool, CopyCounters& copies, HttpService& service,
                       HttpServerSettings settings)
    : runtime_(runtime),
      pool_(pool),
      copies_(copies),
      service_(service),
      settings_(settings),
      acceptor_(runtime, *this),
      serving_(runtime),
      connection_ended_(runtime) {}

HttpServer::~HttpServer() { STINT_CHECK(connections_ == 0); }

void HttpServer::serve(Stream stream) {
  // On the heap: with its head it would be too large for a frame that is reused.
  auto made = std::make_unique<Connection>(*this, std::move(stream));
  Connection& connection = *made;
  connection.task_ = serving_.spawn(serve_connection(std::move(made)));
}

Task<Result<bool>> HttpServer::make_room() {
  const std::size_t most = acceptor_.connections_max(settings_.connections_max);
  while (connections_ >= most) {
    if (!evict()) {
      if (refused_++ == 0) {
        log(LogLevel::warn, "more than ", most, " busy connections: new ones are closed");
      }
      co_return false;
    }
    const Result<> ended = co_await connection_ended_.wait();
    if (!ended) co_return ended.error();
  }
  co_return true;
}

// Closes the idle connection that is missed least: one that never sent a request before one that did, and the one that
// has been idle longest. What arrives there meanwhile was not read, so its sender can safely send it again.
bool HttpServer::evict() {
  Connection* victim = nullptr;
  const auto missed_less = [](const Connection& one, const Connection& than) {
    const bool unused = one.served_ == 0;
    return unused != (than.served_ == 0) ? unused : one.idle_since_ <= than.idle_since_;
  };
  for (Connection* one = first_; one != nullptr; one = one->next_) {
    if (one->idle_ && !one->leaving_ && (victim == nullptr || missed_less(*one, *victim))) victim = one;
  }
  if (victim == nullptr) return false;
  if (evicted_++ == 0) {
    log(LogLevel::info, "more than ", connections_, " connections: idle ones are closed for new ones");
  }
  victim->leaving_ = true;
  Scope::cancel(*victim->task_);
  return true;
}

Task<> HttpServer::serve_connection(std::unique_ptr<Connection> connection) {
  const std::unique_ptr<Connection> owned = std::move(connection);
  co_await owned->run();
}

Task<> HttpServer::stop(Nanoseconds grace) {
  stopping_ = true;
  co_await acceptor_.stop();
  const MonotonicTime end = after(runtime_.now(), grace);
  for (;;) {
    bool busy = false;
    for (const Connection* connection = first_; connection != nullptr; connection = connection->next_) {
      busy = busy || !connection->idle_;
    }
    if (!busy) break;
    const Result<> ended = co_await connection_ended_.wait(std::min(end, runtime_.now() + Milliseconds(20)));
    if (!ended && (ended.error().code == ErrorCode::cancelled || runtime_.now() >= end)) break;
  }
  serving_.cancel();
  co_await serving_.join();
}

}  // namespace stint::net
