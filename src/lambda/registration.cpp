// SPDX-License-Identifier: Apache-2.0
#include "lambda/registration.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>

#include "runtime/socket_calls.h"
#include "wire/http1.h"
#include "wire/url.h"

namespace stint::lambda {
namespace {

constexpr std::string_view register_path = "/2020-01-01/extension/register";
constexpr std::string_view events_body = R"({"events":["INVOKE","SHUTDOWN"]})";
constexpr std::string_view managed_events_body = R"({"events":["SHUTDOWN"]})";

}  // namespace

std::optional<Address> ApiEndpoint::address() const {
  if (host == "localhost") return Address::ipv4_loopback(port);
  return Address::from_literal(host, port);
}

Result<ApiEndpoint> parse_api_endpoint(std::string_view text) {
  Result<wire::HostPort> parsed = wire::parse_host_port(text);
  if (!parsed) return parsed.error();
  if (parsed->host.empty()) {
    return Error{ErrorCode::malformed, static_cast<std::uint16_t>(wire::UrlMistake::host)};
  }
  if (parsed->port == 0) {
    return Error{ErrorCode::malformed, static_cast<std::uint16_t>(wire::UrlMistake::port)};
  }
  return ApiEndpoint{std::string(text), std::move(parsed->host), parsed->port};
}

std::string_view extension_name(std::string_view program) {
  const std::size_t slash = program.rfind('/');
  return slash == program.npos ? program : program.substr(slash + 1);
}

Result<std::string> register_bytes(const RegisterRequest& request) {
  if (request.extension_name.empty()) return Error{ErrorCode::malformed};
  const wire::Header headers[] = {
      {"Lambda-Extension-Name", request.extension_name},
      {"Lambda-Extension-Accept-Feature", "accountId"},
      {"Content-Type", "application/json"},
  };
  const std::string_view body = request.managed_instances ? managed_events_body : events_body;
  std::string bytes;
  bytes.reserve(384);
  const Result<> written =
      wire::append_request_head(bytes, "POST", register_path, request.authority, headers, body.size());
  if (!written) return written.error();
  bytes.append(body);
  return bytes;
}

BlockingSocket::~BlockingSocket() {
  if (handle_ != no_handle) socket_calls::close(handle_);
}

Result<> BlockingSocket::connect(const Address& address) {
  Result<Handle> opened = socket_calls::open_stream(address, /*nonblocking=*/false);
  if (!opened) return opened.error();
  handle_ = *opened;
  while (::connect(handle_, address.native(), address.native_size()) != 0) {
    if (errno == EISCONN) break;  // a signal came in between, and the connection all the same
    if (errno != EINTR) return system_error(errno);
  }
  return {};
}

Result<> BlockingSocket::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(handle_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return system_error(errno);
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  // The kernel wakes the reader on this processor, as if we were to sleep now. We are not: the platform would see
  // `register` only when the configuration has been read. Costs nothing when nobody waits here.
  ::sched_yield();
  return {};
}

Handle BlockingSocket::release() {
  // Every loop reads this connection with plain reads, which must not block there.
  ::fcntl(handle_, F_SETFL, ::fcntl(handle_, F_GETFL) | O_NONBLOCK);
  return std::exchange(handle_, no_handle);
}

Result<Handle> connect_and_register(ByteTransport& transport, const ApiEndpoint& endpoint,
                                    const RegisterRequest& request) {
  const Result<std::string> bytes = register_bytes(request);
  if (!bytes) return bytes.error();
  const std::optional<Address> address = endpoint.address();
  if (!address) return Error{ErrorCode::unsupported};
  if (const Result<> connected = transport.connect(*address); !connected) return connected.error();
  if (const Result<> written = transport.write(*bytes); !written) return written.error();
  return transport.release();
}

}  // namespace stint::lambda
