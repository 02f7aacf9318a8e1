// SPDX-License-Identifier: Apache-2.0
#include "net/tls_library.h"

#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <cstdint>

#include "net/tls_bio.h"

namespace {

bool cpu_wanted = false;

}  // namespace

// The static libcrypto calls this from .init: some ten CPUID instructions, each an exit to the hypervisor of a virtual
// machine (24 us where it is nested). The linker turns the call to us (--wrap), and the library's own start comes here
// a second time. Not linked that way (a shared library): never called.
// NOLINTBEGIN(bugprone-reserved-identifier): the linker makes the names
extern "C" {
__attribute__((weak)) void __real_OPENSSL_cpuid_setup();
void __wrap_OPENSSL_cpuid_setup();
void __wrap_OPENSSL_cpuid_setup() {
  if (cpu_wanted && __real_OPENSSL_cpuid_setup != nullptr) __real_OPENSSL_cpuid_setup();
}
// The ciphers of OpenSSL's old interface by their names (a tenth of the library): TLS takes its ciphers from the
// provider, and keys with a password, which would ask for one, cannot be configured. Not linked that way: never called.
void __wrap_openssl_add_all_ciphers_int();
void __wrap_openssl_add_all_ciphers_int() {}
}
// NOLINTEND(bugprone-reserved-identifier)

namespace stint::net {

bool start_tls_library() {
  cpu_wanted = true;
  constexpr std::uint64_t options = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT;
  return OPENSSL_init_ssl(options, nullptr) == 1;
}

void renew_tls_entropy() {
  if (cpu_wanted) (void)RAND_poll();  // it fails where there is no entropy, and then the handshake does
}

BIO_METHOD* TlsBio::make_method() {
  BIO_METHOD* const method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");
  if (method == nullptr) return nullptr;
  BIO_meth_set_read_ex(method, &TlsBio::read);
  BIO_meth_set_write_ex(method, &TlsBio::write);
  BIO_meth_set_ctrl(method, [](BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1L : 0L; });
  return method;
}

BIO* TlsBio::make() {
  static BIO_METHOD* const method = make_method();  // a constant table
  BIO* const bio = method != nullptr ? BIO_new(method) : nullptr;
  if (bio != nullptr) BIO_set_init(bio, 1);
  return bio;
}

}  // namespace stint::net
