// SPDX-License-Identifier: Apache-2.0
// The first thing the program does: say `register` to the platform, with plain blocking calls and before a loop exists.
// The runtime is started only when every extension has registered, so nothing else may come before. Pure functions over
// bytes, and one over a transport, so that a simulated world runs the same code. The answer is read on the loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/loop.h"

namespace stint::lambda {

/// AWS_LAMBDA_RUNTIME_API.
struct ApiEndpoint {
  std::string authority;  // as given: what a Host header says
  std::string host;       // without brackets
  std::uint16_t port = 0;

  /// Nothing when the host is a name other than localhost.
  std::optional<Address> address() const;
};

/// `host:port`. Fails: malformed, with a wire::UrlMistake as place.
Result<ApiEndpoint> parse_api_endpoint(std::string_view text);

struct RegisterRequest {
  std::string_view authority;
  std::string_view extension_name;
  bool managed_instances = false;  // no INVOKE there
};

/// The file name at the end of argv[0]: the name under which the platform started us.
std::string_view extension_name(std::string_view program);

/// The whole request. Fails: malformed, when the name cannot stand in a header or is empty.
/// Source: Lambda Extensions API, POST /2020-01-01/extension/register.
Result<std::string> register_bytes(const RegisterRequest& request);

/// One connection, before there is a loop: the real world's below, a simulated one in tests.
class ByteTransport {
 public:
  virtual ~ByteTransport() = default;
  /// Fails: system.
  virtual Result<> connect(const Address& address) = 0;
  /// Writes all of it. Fails: system.
  virtual Result<> write(std::string_view bytes) = 0;
  /// The connection as a handle of the loop to come; the caller owns it.
  virtual Handle release() = 0;
};

class BlockingSocket final : public ByteTransport {
 public:
  BlockingSocket() = default;
  BlockingSocket(const BlockingSocket&) = delete;
  BlockingSocket& operator=(const BlockingSocket&) = delete;
  ~BlockingSocket() override;
  Result<> connect(const Address& address) override;
  Result<> write(std::string_view bytes) override;
  Handle release() override;

 private:
  Handle handle_ = no_handle;
};

/// Connects and writes `register`. Fails: malformed (the name), unsupported (the endpoint is a name), system.
Result<Handle> connect_and_register(ByteTransport& transport, const ApiEndpoint& endpoint,
                                    const RegisterRequest& request);

}  // namespace stint::lambda
