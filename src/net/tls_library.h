// SPDX-License-Identifier: Apache-2.0
// Bringing OpenSSL to life, which costs a millisecond and happens at the first connection only. Its look at the
// processor, which it would take before `main` when linked statically, waits until then.
#pragma once

namespace stint::net {

/// Without the machine's openssl.cnf: settings come from our configuration alone. May be called again.
/// False: the library cannot be used.
bool start_tls_library();
/// Random numbers come from a seed drawn anew: a snapshot that is restored many times would repeat the old one's.
/// Nothing happens before start_tls_library().
void renew_tls_entropy();

}  // namespace stint::net
