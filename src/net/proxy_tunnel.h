// SPDX-License-Identifier: Apache-2.0
// CONNECT: asking a proxy for a tunnel, through which TLS is then spoken with the back end.
#pragma once

#include <string>

#include "net/byte_stream.h"
#include "net/proxy.h"

namespace stint::net {

/// `target`: host:port. Borrows: `stream`, `proxy`, until it returns.
/// Fails: timed_out, cancelled, and what ProxyPlace names.
Task<Result<>> open_tunnel(ByteStream& stream, const Proxy& proxy, std::string target, MonotonicTime end);

}  // namespace stint::net
