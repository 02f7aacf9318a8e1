// SPDX-License-Identifier: Apache-2.0
// The socket system calls that every loop of the real world makes alike: opening, binding, naming, closing.
#pragma once

#include <span>

#include "base/result.h"
#include "runtime/loop.h"

namespace stint::socket_calls {

/// A bound and listening socket; a stale unix path of ours is replaced. Fails: in_use, system.
Result<Handle> listen(const Address& address, int backlog, bool nonblocking);
Result<Handle> open_stream(const Address& peer, bool nonblocking);
Result<Address> local_address(Handle handle);
void shutdown_send(Handle handle);
void close(Handle handle);
/// Small answers must not wait for an acknowledgement.
void set_no_delay(Handle handle);
void fill_entropy(std::span<char> bytes);
/// RLIMIT_NOFILE.
std::size_t handles_max();
MonotonicTime monotonic_now();
EpochTime epoch_now();

}  // namespace stint::socket_calls
