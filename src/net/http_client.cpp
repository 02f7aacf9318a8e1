// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include "base/log.h"
#include "net/tls_error.h"

namespace stint::net {
namespace {

constexpr std::size_t idle_connections_max = 4;

bool is_not_offered(Error error) { return error.place == static_cast<std::uint16_t>(Http2Place::not_offered); }

// An alert of TLS, or the begin of a handshake, where an answer should be.
bool looks_like_tls(std::string_view bytes) {
  return bytes.size() > 1 && (bytes[0] == '\x15' || bytes[0] == '\x16') && bytes[1] == '\x03';
}

// The head of a request as fields of HTTP/2.
class Http2Head {
 public:
  /// Requires: a whole head, as append_request_head() writes it.
  explicit Http2Head(std::string_view text) : text_(text) {
    std::size_t scanned = 0;
    const Result<std::size_t> size = wire::parse_request_head(text_, scanned, parsed_);
    STINT_CHECK(size && *size == text_.size());
    fields_ = {{":method", parsed_.method},
               {":scheme", "https"},
               {":path", parsed_.target},
               {":authority", parsed_.headers.value("host")}};
    for (const wire::Header& header : parsed_.headers) {
      if (wire::equals_ignoring_case(header.name, "host")) continue;
      for (char& c : std::span(const_cast<char*>(header.name.data()), header.name.size())) {
        c = wire::lower_case(c);
      }
      fields_.push_back(header);
    }
  }
  std::span<const wire::Header> fields() const { return fields_; }

 private:
  std::string text_;  // ours, so that names can be written in small letters
  wire::RequestHead parsed_;
  std::vector<wire::Header> fields_;
};

}  // namespace

HttpClient::HttpClient(Runtime& runtime, BlockPool& pool, CopyCounters& copies, HttpOrigin origin, TlsClient* tls,
                       HttpClientSettings settings)
    : runtime_(runtime),
      pool_(pool),
      copies_(copies),
      settings_(std::move(settings)),
      connector_(runtime, std::move(origin), tls,
                 {.proxy = std::move(settings_.proxy),
                  .protocols = settings_.http2 ? TlsProtocols::http2_or_http1 : TlsProtocols::http1}) {}

HttpClient::~HttpClient() = default;

void HttpClient::adopt(ByteStream stream) {
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
  if (http2_) co_await http2_->close(timeout);
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

Task<Result<HttpResponse>> HttpClient::post(std::string_view head, std::span<const Slice> body, Nanoseconds timeout) {
  if (connector_.is_secured() && connector_.offers() == TlsProtocols::http2_or_http1) {
    if (!http2_) {
      http2_ = std::make_unique<Http2Client>(
          connector_, pool_, copies_,
          Http2ClientSettings{.keepalive = settings_.http2_keepalive, .idle_max = settings_.idle_max});
    }
    const auto fields = std::make_unique<Http2Head>(head);
    const Http2Request request{.head = fields->fields(), .body = body};
    const MonotonicTime end = after(runtime_.now(), timeout);
    Result<HttpResponse> response = co_await http2_->request(request, end);
    if (response || !is_not_offered(response.error())) co_return std::move(response);
    speak_http1();
  }
  std::vector<iovec> parts;
  parts.reserve(body.size());
  for (const Slice& slice : body) parts.push_back({const_cast<char*>(slice.view().data()), slice.size()});
  co_return co_await request(head, parts, timeout);
}

// The origin has chosen it: from now on nothing else is offered.
void HttpClient::speak_http1() {
  connector_.offer(TlsProtocols::http1);
  std::optional<ByteStream> stream = http2_->take_other();
  if (stream) idle_.push_back(std::make_unique<Connection>(std::move(*stream), pool_, copies_));
}

Task<Result<HttpResponse>> HttpClient::request(std::string_view head, std::span<const iovec> body, Nanoseconds timeout,
                                               std::span<const std::string_view> wanted) {
  const MonotonicTime end = after(runtime_.now(), timeout);
  if (connector_.has_jumped()) idle_.clear();
  for (;;) {
    std::unique_ptr<Connection> connection = take_idle();
    if (!connection) {
      Result<ByteStream> opened = co_await connector_.open(end);
      if (!opened) co_return opened.error();
      connection = std::make_unique<Connection>(std::move(*opened), pool_, copies_);
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

// Once, what requests to it need.
void HttpClient::read_proxy(const Proxy& proxy) {
  target_prefix_ = concat("http://", connector_.host_port());
  if (connector_.origin().port == 80) target_prefix_.resize(target_prefix_.size() - 3);
  if (!proxy.authorization.empty()) proxy_fields_ = concat("Proxy-Authorization: ", proxy.authorization, "\r\n");
}

std::vector<iovec> HttpClient::request_parts(std::string_view head, std::span<const iovec> body) {
  std::vector<iovec> parts;
  parts.reserve(body.size() + 5);
  const auto add = [&](std::string_view bytes) { parts.push_back({const_cast<char*>(bytes.data()), bytes.size()}); };
  if (const Proxy* const proxy = connector_.plain_proxy()) {
    // A proxy wants the whole URL, and its own credentials.
    if (target_prefix_.empty()) read_proxy(*proxy);
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
  if (!response && !is_secured() && looks_like_tls(connection.buffer.bytes())) {
    co_return tls_error(ErrorCode::malformed, TlsPlace::plain_http);
  }
  if (!sent) connection.keep = false;
  if (!response && !sent) co_return sent.error();
  co_return std::move(response);
}

}  // namespace stint::net
