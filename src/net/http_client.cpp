// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include "net/http_body.h"
#include "net/receive_buffer.h"

namespace stint::net {
namespace {

constexpr std::size_t idle_connections_max = 4;
constexpr Nanoseconds resolve_timeout = Seconds(5);

bool peer_is_gone(Error error) { return error.code == ErrorCode::closed || error.code == ErrorCode::system; }

}  // namespace

struct HttpClient::Connection {
  Connection(Stream opened, BlockPool& pool, CopyCounters& copies) : stream(std::move(opened)), buffer(pool, copies) {}
  Stream stream;
  ReceiveBuffer buffer;
  wire::ResponseHead head;
  bool keep = false;  // usable for another request
  bool used = false;  // has answered before
};

HttpClient::HttpClient(Runtime& runtime, BlockPool& pool, CopyCounters& copies, HttpOrigin origin)
    : runtime_(runtime), pool_(pool), copies_(copies), origin_(std::move(origin)) {}

HttpClient::~HttpClient() = default;

void HttpClient::adopt(Stream stream) {
  idle_.push_back(std::make_unique<Connection>(std::move(stream), pool_, copies_));
  idle_.back()->used = true;
}

void HttpClient::close_idle_connections() { idle_.clear(); }

Nanoseconds HttpClient::left(MonotonicTime end) {
  if (end == MonotonicTime::max()) return forever;
  return std::max(end - runtime_.now(), Nanoseconds(1));
}

Task<Result<std::unique_ptr<HttpClient::Connection>>> HttpClient::open(MonotonicTime end) {
  if (addresses_.empty()) {
    if (!origin_.unix_path.empty()) {
      const auto path = Address::unix_path(origin_.unix_path);
      if (!path) co_return Error{ErrorCode::too_large};
      addresses_.push_back(*path);
    } else {
      const Nanoseconds timeout = std::min(left(end), resolve_timeout);
      Result<std::vector<Address>> resolved = co_await runtime_.resolve(origin_.host, origin_.port, timeout);
      if (!resolved) co_return resolved.error();
      addresses_ = std::move(*resolved);
    }
  }
  Error last{ErrorCode::not_found};
  const std::vector<Address> addresses = addresses_;
  for (const Address& address : addresses) {
    Result<Stream> stream = co_await connect(runtime_, address, left(end));
    if (stream) {
      ++opened_;
      co_return std::make_unique<Connection>(std::move(*stream), pool_, copies_);
    }
    last = stream.error();
    if (last.code == ErrorCode::cancelled || last.code == ErrorCode::timed_out) break;
  }
  addresses_.clear();  // looked up again next time: the back end may have moved
  co_return last;
}

Task<Result<HttpResponse>> HttpClient::request(std::string_view head, std::span<const iovec> body, Nanoseconds timeout,
                                               std::span<const std::string_view> wanted) {
  const MonotonicTime end = timeout == forever ? MonotonicTime::max() : runtime_.now() + timeout;
  for (;;) {
    std::unique_ptr<Connection> connection;
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    } else {
      Result<std::unique_ptr<Connection>> opened = co_await open(end);
      if (!opened) co_return opened.error();
      connection = std::move(*opened);
    }
    RequestProgress progress = RequestProgress::not_answered;
    Result<HttpResponse> response = co_await exchange(*connection, head, body, end, wanted, progress);
    const bool used = connection->used;
    if (response && connection->keep && idle_.size() < idle_connections_max) {
      connection->used = true;
      idle_.push_back(std::move(connection));
    }
    if (response || !used || progress == RequestProgress::answer_begun || !peer_is_gone(response.error())) {
      co_return std::move(response);
    }
    ++silent_retries_;
    idle_.clear();  // what died with it is not worth a try each
  }
}

Task<Result<HttpResponse>> HttpClient::exchange(Connection& connection, std::string_view head,
                                                std::span<const iovec> body, MonotonicTime end,
                                                std::span<const std::string_view> wanted, RequestProgress& progress) {
  std::vector<iovec> parts;
  parts.reserve(body.size() + 1);
  parts.push_back({const_cast<char*>(head.data()), head.size()});
  parts.insert(parts.end(), body.begin(), body.end());
  const Result<> sent = co_await connection.stream.send(parts, left(end));
  if (!sent && !peer_is_gone(sent.error())) co_return sent.error();
  // A back end may answer and close before it has read everything: its answer counts.
  Result<HttpResponse> response = co_await read_response(connection, end, wanted, progress);
  if (!sent) connection.keep = false;
  if (!response && !sent) co_return sent.error();
  co_return std::move(response);
}

Task<Result<HttpResponse>> HttpClient::read_response(Connection& connection, MonotonicTime end,
                                                     std::span<const std::string_view> wanted,
                                                     RequestProgress& progress) {
  connection.keep = false;
  ReceiveBuffer& buffer = connection.buffer;
  wire::ResponseHead& head = connection.head;
  std::size_t head_size = 0;
  for (std::size_t scanned = 0; head_size == 0;) {
    if (!buffer.bytes().empty()) {
      const Result<std::size_t> size = wire::parse_response_head(buffer.bytes(), scanned, head);
      if (!size) co_return size.error();
      head_size = *size;
      if (head_size > 0 && head.informational()) {
        buffer.consume(head_size);
        head_size = scanned = 0;
        continue;
      }
      if (head_size > 0) break;
    }
    if (Result<> room = buffer.reserve(buffer.bytes().size() + 1); !room) co_return room.error();
    const Result<std::size_t> received = co_await buffer.receive(connection.stream, left(end));
    if (!received) co_return received.error();
    if (*received == 0) co_return Error{ErrorCode::closed};
    progress = RequestProgress::answer_begun;
  }
  HttpResponse response;
  response.status = head.status;
  response.content_type = head.content_type();
  response.retry_after = head.headers.value("Retry-After");
  for (const std::string_view name : wanted) {
    if (const auto value = head.headers.find(name)) response.headers.emplace_back(name, *value);
  }
  const bool keep_alive = head.keep_alive;
  const BodyPlan plan{.framing = head.framing,
                      .content_length = static_cast<std::size_t>(head.content_length.value_or(0)),
                      .bytes_max = limits::response_body_bytes_max,
                      .silence_max = left(end)};
  Result<Slice> body = co_await read_body(connection.stream, buffer, head_size, plan, pool_, copies_);
  // A body that is too long or breaks off costs the connection, not the answer.
  if (body) {
    response.body = std::move(*body);
    connection.keep = keep_alive && buffer.bytes().empty();
  } else if (body.error().code == ErrorCode::cancelled) {
    co_return body.error();
  }
  co_return std::move(response);
}

}  // namespace stint::net
