// SPDX-License-Identifier: Apache-2.0
// Bringing OpenSSL to life, which costs a millisecond and happens at the first connection only. Its look at the
// processor, which it would take before `main` when linked statically, waits until then.
#pragma once

namespace stint::net {

/// Without the machine's openssl.cnf: settings come from our configuration alone. May be called again.
/// False: the library cannot be used.
bool start_tls_library();

}  // namespace stint::net
