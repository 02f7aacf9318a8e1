// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <cerrno>

#include "base/log.h"
#include "net/proxy_tunnel.h"
#include "net/tls_error.h"
#include "net/tls_library.h"

namespace stint::net {
namespace {

constexpr std::size_t idle_connections_max = 4;
// More than a clock is ever set by while all goes well.
constexpr Nanoseconds clock_jump = Seconds(5);
constexpr Nanoseconds resolve_timeout = Seconds(5);

bool peer_is_gone(Error error) {
  return !is_tls(error) && (error.code == ErrorCode::closed || error.code == ErrorCode::system);
}

// After a send that failed so there may be an answer. After any other failure there is none to wait for.
bool may_have_answered(Error error) {
  return error.code == ErrorCode::closed ||
         (error.code == ErrorCode::system && !is_tls(error) && (error.detail == EPIPE || error.detail == ECONNRESET));
}

// TlsPlace of the TLS to a proxy, as a place of its own.
constexpr std::uint16_t proxy_tls_offset = 0x100;
bool is_proxy_tls(Error error) {
  return error.place > proxy_tls_offset &&
         is_tls(Error{error.code, static_cast<std::uint16_t>(error.place - proxy_tls_offset), error.detail});
}

// "host:port", brackets around an IPv6 address.
std::string host_port(const HttpOrigin& origin) {
  const bool six = origin.host.find(':') != std::string::npos;
  return concat(six ? "[" : "", origin.host, six ? "]:" : ":", origin.port);
}

// An alert of TLS, or the begin of a handshake, where an answer should be.
bool looks_like_tls(std::string_view bytes) {
  return bytes.size() > 1 && (bytes[0] == '\x15' || bytes[0] == '\x16') && bytes[1] == '\x03';
}

}  // namespace

HttpClient::HttpClient(Runtime& runtime, BlockPool& pool, CopyCounters& copies, HttpOrigin origin, TlsClient* tls,
                       HttpClientSettings settings)
    : runtime_(runtime), pool_(pool), copies_(copies), origin_(std::move(origin)), settings_(std::move(settings)) {
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
  if (error.place == static_cast<std::uint16_t>(ProxyPlace::settings)) return proxy_refusal_;
  if (is_proxy_error(error) && proxy_) return proxy_text(error, *proxy_, host_port(origin_));
  if (is_proxy_tls(error) && proxy_peer_) {
    error.place -= proxy_tls_offset;
    return concat("the proxy ", proxy_->name, ": ", proxy_peer_->explain(error));
  }
  if (!is_tls(error)) return to_string(error);
  return peer_ ? peer_->explain(error) : tls_text(error, origin_.host);
}

// Once, at the first connection.
Result<> HttpClient::choose_proxy() {
  if (proxy_chosen_) return {};
  proxy_refusal_.clear();
  Result<std::optional<Proxy>> found =
      find_proxy(settings_.proxy, origin_.host, origin_.port, is_secured(), proxy_refusal_);
  if (!found) return proxy_error(found.error().code, ProxyPlace::settings);
  proxy_ = std::move(*found);
  proxy_chosen_ = true;
  if (!proxy_) return {};
  if (proxy_->secured && settings_.proxy.tls != nullptr) {
    proxy_peer_ = std::make_unique<TlsPeer>(*settings_.proxy.tls, proxy_->host);
  }
  target_prefix_ = concat("http://", host_port(origin_));
  if (origin_.port == 80) target_prefix_.resize(target_prefix_.size() - 3);
  if (!proxy_->authorization.empty()) proxy_fields_ = concat("Proxy-Authorization: ", proxy_->authorization, "\r\n");
  return {};
}

// An error on the way to the next hop; a proxy's is told from the origin's.
Error HttpClient::below(Error error) const {
  const bool ours = error.code == ErrorCode::cancelled || error.place != 0 || !proxy_;
  return ours ? error : proxy_error(error.code, ProxyPlace::connection, error.detail);
}

Task<Result<>> HttpClient::look_up(MonotonicTime end) {
  if (!addresses_.empty()) co_return Result<>();
  if (!origin_.unix_path.empty()) {
    const auto path = Address::unix_path(origin_.unix_path);
    if (!path) co_return Error{ErrorCode::too_large};
    addresses_.push_back(*path);
    co_return Result<>();
  }
  const Nanoseconds timeout = std::min(time_left(runtime_, end), resolve_timeout);
  const std::string& host = proxy_ ? proxy_->host : origin_.host;
  Result<std::vector<Address>> resolved =
      co_await runtime_.resolve(host, proxy_ ? proxy_->port : origin_.port, timeout);
  if (!resolved) co_return below(resolved.error());
  addresses_ = std::move(*resolved);
  co_return Result<>();
}

// Whatever lies between a connected stream and the request: TLS to a proxy, its tunnel, TLS to the origin.
Task<Result<ByteStream>> HttpClient::secure(Stream plain, MonotonicTime end) {
  ByteStream stream(std::move(plain));
  if (proxy_peer_) {
    Result<std::unique_ptr<TlsStream>> secured = co_await proxy_peer_->secure(std::move(stream), end);
    if (!secured) {
      Error error = secured.error();
      if (is_tls(error)) error.place += proxy_tls_offset;
      co_return error;
    }
    stream = ByteStream(std::move(*secured));
  }
  if (!peer_) co_return std::move(stream);
  if (proxy_) {
    const Result<> tunnel = co_await open_tunnel(stream, *proxy_, host_port(origin_), end);
    if (!tunnel) co_return tunnel.error();
  }
  Result<std::unique_ptr<TlsStream>> secured = co_await peer_->secure(std::move(stream), end);
  if (!secured) co_return secured.error();
  co_return ByteStream(std::move(*secured));
}

Task<Result<std::unique_ptr<HttpClient::Connection>>> HttpClient::open(MonotonicTime end) {
  if (const Result<> chosen = choose_proxy(); !chosen) co_return chosen.error();
  const Result<> found = co_await look_up(end);
  if (!found) co_return found.error();
  Error last{ErrorCode::not_found};
  const std::vector<Address> addresses = addresses_;
  for (const Address& address : addresses) {
    Result<Stream> stream = co_await connect(runtime_, address, time_left(runtime_, end));
    if (stream) {
      ++opened_;
      Result<ByteStream> secured = co_await secure(std::move(*stream), end);
      if (secured) co_return std::make_unique<Connection>(std::move(*secured), pool_, copies_);
      last = secured.error();
      break;
    }
    last = below(stream.error());
    if (last.code == ErrorCode::cancelled || last.code == ErrorCode::timed_out) break;
  }
  addresses_.clear();  // looked up again next time: the back end may have moved
  co_return last;
}

// A snapshot goes on from where it was, in many places at once and much later: the epoch has moved, the monotonic clock
// has not. Whatever was known then is of another life: nobody even resets its connections.
void HttpClient::look_at_clocks() {
  const Nanoseconds apart = runtime_.epoch_now().time_since_epoch() - runtime_.now().time_since_epoch();
  const Nanoseconds jumped = clocks_apart_ ? apart - *clocks_apart_ : Nanoseconds::zero();
  clocks_apart_ = apart;
  if (jumped < clock_jump && jumped > -clock_jump) return;
  idle_.clear();
  addresses_.clear();
  renew_tls_entropy();
}

std::unique_ptr<HttpClient::Connection> HttpClient::take_idle() {
  // The last one has rested the shortest.
  if (!idle_.empty() && settings_.idle_max != forever &&
      runtime_.now() - idle_.back()->rests_since > settings_.idle_max) {
    idle_.clear();
  }
  if (idle_.empty()) return nullptr;
  std::unique_ptr<Connection> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void HttpClient::keep(std::unique_ptr<Connection> connection) {
  if (!connection->keep || !settings_.keep_alive || idle_.size() >= idle_connections_max) return;
  connection->used = true;
  connection->rests_since = runtime_.now();
  idle_.push_back(std::move(connection));
}

Task<Result<HttpResponse>> HttpClient::request(std::string_view head, std::span<const iovec> body, Nanoseconds timeout,
                                               std::span<const std::string_view> wanted) {
  const MonotonicTime end = timeout == forever ? MonotonicTime::max() : runtime_.now() + timeout;
  look_at_clocks();
  for (;;) {
    std::unique_ptr<Connection> connection = take_idle();
    if (!connection) {
      Result<std::unique_ptr<Connection>> opened = co_await open(end);
      if (!opened) co_return opened.error();
      connection = std::move(*opened);
    }
    RequestProgress progress = RequestProgress::not_answered;
    Result<HttpResponse> response = co_await exchange(*connection, head, body, end, wanted, progress);
    const bool used = connection->used;
    if (response) keep(std::move(connection));
    if (response || !used || progress == RequestProgress::answer_begun || !peer_is_gone(response.error())) {
      co_return std::move(response);
    }
    ++silent_retries_;
    idle_.clear();  // what died with it is not worth a try each
  }
}

std::vector<iovec> HttpClient::request_parts(std::string_view head, std::span<const iovec> body) const {
  std::vector<iovec> parts;
  parts.reserve(body.size() + 5);
  const auto add = [&](std::string_view bytes) { parts.push_back({const_cast<char*>(bytes.data()), bytes.size()}); };
  if (proxy_ && !peer_) {
    // A proxy wants the whole URL, and its own credentials.
    const std::size_t target = head.find(' ') + 1, fields = head.find("\r\n") + 2;
    add(head.substr(0, target));
    add(target_prefix_);
    add(head.substr(target, fields - target));
    if (!proxy_fields_.empty()) add(proxy_fields_);
    head.remove_prefix(fields);
  }
  add(head);
  parts.insert(parts.end(), body.begin(), body.end());
  return parts;
}

Task<Result<HttpResponse>> HttpClient::exchange(Connection& connection, std::string_view head,
                                                std::span<const iovec> body, MonotonicTime end,
                                                std::span<const std::string_view> wanted, RequestProgress& progress) {
  const std::vector<iovec> parts = request_parts(head, body);
  const Result<> sent = co_await connection.stream.send(parts, time_left(runtime_, end));
  if (!sent && !may_have_answered(sent.error())) co_return sent.error();
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
