// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include "net/tls_error.h"

namespace stint::net {
namespace {

constexpr std::size_t idle_connections_max = 4;
constexpr Nanoseconds resolve_timeout = Seconds(5);

bool peer_is_gone(Error error) {
  return !is_tls(error) && (error.code == ErrorCode::closed || error.code == ErrorCode::system);
}

// An alert of TLS, or the begin of a handshake, where an answer should be.
bool looks_like_tls(std::string_view bytes) {
  return bytes.size() > 1 && (bytes[0] == '\x15' || bytes[0] == '\x16') && bytes[1] == '\x03';
}

}  // namespace

HttpClient::HttpClient(Runtime& runtime, BlockPool& pool, CopyCounters& copies, HttpOrigin origin, TlsClient* tls)
    : runtime_(runtime), pool_(pool), copies_(copies), origin_(std::move(origin)) {
  if (tls != nullptr) peer_ = std::make_unique<TlsPeer>(*tls, origin_.host);
}

HttpClient::~HttpClient() = default;

void HttpClient::adopt(Stream stream) {
  idle_.push_back(std::make_unique<Connection>(std::move(stream), pool_, copies_));
  idle_.back()->used = true;
}

void HttpClient::close_idle_connections() { idle_.clear(); }

Task<> HttpClient::close(Nanoseconds timeout) {
  while (!idle_.empty()) {
    const std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    co_await connection->stream.close(timeout);
  }
}

std::string HttpClient::explain(Error error) const {
  if (!is_tls(error)) return to_string(error);
  return peer_ ? peer_->explain(error) : tls_text(error, origin_.host);
}

Task<Result<std::unique_ptr<HttpClient::Connection>>> HttpClient::open(MonotonicTime end) {
  if (addresses_.empty()) {
    if (!origin_.unix_path.empty()) {
      const auto path = Address::unix_path(origin_.unix_path);
      if (!path) co_return Error{ErrorCode::too_large};
      addresses_.push_back(*path);
    } else {
      const Nanoseconds timeout = std::min(time_left(runtime_, end), resolve_timeout);
      Result<std::vector<Address>> resolved = co_await runtime_.resolve(origin_.host, origin_.port, timeout);
      if (!resolved) co_return resolved.error();
      addresses_ = std::move(*resolved);
    }
  }
  Error last{ErrorCode::not_found};
  const std::vector<Address> addresses = addresses_;
  for (const Address& address : addresses) {
    Result<Stream> stream = co_await connect(runtime_, address, time_left(runtime_, end));
    if (stream) {
      ++opened_;
      if (!peer_) co_return std::make_unique<Connection>(std::move(*stream), pool_, copies_);
      Result<std::unique_ptr<TlsStream>> secured = co_await peer_->secure(std::move(*stream), end);
      if (secured) co_return std::make_unique<Connection>(std::move(*secured), pool_, copies_);
      last = secured.error();
      break;
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
  const Result<> sent = co_await connection.stream.send(parts, time_left(runtime_, end));
  if (!sent && !peer_is_gone(sent.error())) co_return sent.error();
  // A back end may answer and close before it has read everything: its answer counts.
  Result<HttpResponse> response = co_await read_response(connection, end, wanted, progress, pool_, copies_);
  if (!response && !peer_ && looks_like_tls(connection.buffer.bytes())) {
    co_return tls_error(ErrorCode::malformed, TlsPlace::plain_http);
  }
  if (!sent) connection.keep = false;
  if (!response && !sent) co_return sent.error();
  co_return std::move(response);
}

}  // namespace stint::net
