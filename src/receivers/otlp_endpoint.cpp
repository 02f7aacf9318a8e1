// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp_endpoint.h"

#include "base/log.h"

namespace stint {
namespace {

// By then `next` is in flight; a client that comes earlier does not wait for it.
constexpr Nanoseconds tls_delay = Milliseconds(20);

}  // namespace

OtlpEndpoint::OtlpEndpoint(Runtime& runtime, std::string name, const std::string& endpoint, net::Transport transport)
    : runtime_(runtime), name_(std::move(name)), endpoint_(endpoint), transport_(transport) {}

void OtlpEndpoint::use_tls(const net::TlsServerConfig& config, net::TlsServer::Protocol protocol) {
  tls_ = std::make_unique<net::TlsServer>(runtime_, config, name_, protocol);
}

Task<Result<std::vector<Listener>>> OtlpEndpoint::open() {
  if (tls_) {
    if (const Result<> good = tls_->check_files(); !good) {
      log(LogLevel::error, name_, ": ", tls_->explain(good.error()), "; this receiver is off");
      co_return good.error();
    }
  }
  Result<std::vector<Listener>> listeners = co_await net::bind_endpoint(runtime_, endpoint_, transport_);
  const bool is_unix = transport_ == net::Transport::unix_socket;
  if (!listeners) {
    const std::string_view in_use =
        is_unix ? "the socket is in use, or there is a file of another kind" : "the port is in use";
    log(LogLevel::error, name_, "::endpoint: cannot listen on ", endpoint_, ": ",
        listeners.error().code == ErrorCode::in_use ? in_use : to_string(listeners.error()), "; this receiver is off");
    co_return listeners.error();
  }
  if (is_unix) socket_file_ = net::SocketFile(endpoint_);
  if (log_enabled(LogLevel::debug)) {
    for (Listener& listener : *listeners) log(LogLevel::debug, name_, ": ", listener.address()->to_string());
  }
  co_return std::move(listeners);
}

Task<Result<>> OtlpEndpoint::prepare_tls() {
  const Result<> slept = co_await runtime_.sleep(tls_delay);
  if (!slept) co_return Error{ErrorCode::cancelled};
  const Result<> prepared = tls_->prepare();
  if (!prepared) log(LogLevel::error, name_, ": ", tls_->explain(prepared.error()), "; this receiver is off");
  co_return prepared;
}

}  // namespace stint
