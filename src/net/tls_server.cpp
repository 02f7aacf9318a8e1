// SPDX-License-Identifier: Apache-2.0
#include "net/tls_server.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <utility>

#include "base/log.h"
#include "net/tls_bio.h"
#include "net/tls_context.h"
#include "net/tls_library.h"

namespace stint::net {
namespace {

// A client that is refused gets this to read the reason, and may send this meanwhile.
constexpr Nanoseconds dismissal_max = Seconds(1);
constexpr std::size_t dismissal_bytes_max = 256u << 10;

// True when the text has what a PEM of this kind begins with.
Result<> check_pem(const std::string& file, const std::string& pem, TlsPlace place, std::string_view kind) {
  const Result<std::string> text = tls_text_of(file, pem, place);
  if (!text) return text.error();
  const std::size_t begin = text->find("-----BEGIN ");
  if (begin == std::string::npos || text->find(kind, begin) == std::string::npos) return useless_tls(place);
  return {};
}

int select_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                    unsigned int offered_size, void* ours) {
  const std::string_view alpn = *static_cast<const std::string_view*>(ours);
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, chosen_size, reinterpret_cast<const unsigned char*>(alpn.data()),
                                           static_cast<unsigned int>(alpn.size()), offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Lets the peer read what it was told: a close with bytes unread would reset the connection before.
Task<> dismiss(Stream& stream, std::string_view answer) {
  if (!answer.empty()) {
    const Result<> sent = co_await stream.send(answer, dismissal_max);
    if (!sent) co_return;
  }
  stream.shutdown_send();
  char dropped[4096];
  const MonotonicTime end = stream.runtime().now() + dismissal_max;
  for (std::size_t total = 0; total < dismissal_bytes_max;) {
    const Nanoseconds left = end - stream.runtime().now();
    if (left <= Nanoseconds::zero()) co_return;
    const Result<std::size_t> received = co_await stream.receive(dropped, sizeof dropped, left);
    if (!received || *received == 0) co_return;
    total += *received;
  }
}

}  // namespace

TlsServer::TlsServer(Runtime& runtime, TlsServerConfig config, std::string name, Protocol protocol)
    : runtime_(runtime), config_(std::move(config)), name_(std::move(name)), protocol_(protocol) {}

TlsServer::~TlsServer() { SSL_CTX_free(context_); }

Result<> TlsServer::check_files() const {
  constexpr std::string_view certificate = "CERTIFICATE-----";
  constexpr std::string_view key = "PRIVATE KEY-----";
  if (Result<> good = check_pem(config_.cert_file, config_.cert_pem, TlsPlace::own_certificate, certificate); !good) {
    return good;
  }
  if (Result<> good = check_pem(config_.key_file, config_.key_pem, TlsPlace::own_key, key); !good) return good;
  if (!config_.wants_client_certificate()) return {};
  return check_pem(config_.client_ca_file, config_.client_ca_pem, TlsPlace::client_ca, certificate);
}

std::string TlsServer::explain(Error error) const {
  const auto file = [&]() -> std::string_view {
    switch (static_cast<TlsPlace>(error.place)) {
      case TlsPlace::own_certificate: return config_.cert_file;
      case TlsPlace::own_key: return config_.key_file;
      case TlsPlace::client_ca: return config_.client_ca_file;
      default: return {};
    }
  }();
  return file.empty() ? tls_text(error, "the server") : concat(tls_text(error, "the server"), " (", file, ")");
}

TlsServer::FileState TlsServer::state_of(const std::string& path) {
  struct stat found{};
  if (path.empty() || ::stat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, found.st_size,
          Seconds(found.st_mtim.tv_sec) + Nanoseconds(found.st_mtim.tv_nsec)};
}

bool TlsServer::files_changed() {
  const bool due = config_.reload_interval > Nanoseconds::zero() && runtime_.now() - looked_ >= config_.reload_interval;
  if (due) looked_ = runtime_.now();
  if (due && (state_of(config_.cert_file) != files_[0] || state_of(config_.key_file) != files_[1])) return true;
  return (due || config_.client_ca_file_reload) && state_of(config_.client_ca_file) != files_[2];
}

Result<> TlsServer::prepare() {
  if (context_ != nullptr && !files_changed()) return {};
  // Looked at before they are read: what changes between the two is read once more.
  files_ = {state_of(config_.cert_file), state_of(config_.key_file), state_of(config_.client_ca_file)};
  looked_ = runtime_.now();
  const bool again = context_ != nullptr;
  const Result<> made = make_context();
  if (again && !made) {
    log(LogLevel::warn, name_, ": ", explain(made.error()), "; the former files stay in use");
    return {};
  }
  return made;
}

Result<> TlsServer::set_protocol(ssl_ctx_st* context) {
  if (const Result<> set = set_tls_protocol(context, config_); !set) return set;
  SSL_CTX_set_alpn_select_cb(context, &select_protocol, &protocol_.alpn);
  // Sessions live in tickets alone: nothing is kept for a client that has gone.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  constexpr unsigned char session_context[] = "stint";
  if (SSL_CTX_set_session_id_context(context, session_context, sizeof session_context - 1) != 1) {
    return tls_settings_error();
  }
  return {};
}

Result<> TlsServer::set_client_trust(ssl_ctx_st* context) const {
  if (!config_.wants_client_certificate()) return {};
  const Result<std::string> text = tls_text_of(config_.client_ca_file, config_.client_ca_pem, TlsPlace::client_ca);
  if (!text) return text.error();
  const TlsBioOwner reader = tls_reader(*text);
  std::size_t count = 0;
  while (const TlsCertificateOwner authority = next_tls_certificate(reader.get())) {
    const bool added = X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) == 1 &&
                       SSL_CTX_add_client_CA(context, authority.get()) == 1;
    if (!added) return useless_tls(TlsPlace::client_ca);
    ++count;
  }
  if (count == 0) return useless_tls(TlsPlace::client_ca);
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

Result<> TlsServer::make_context() {
  if (!start_tls_library()) return tls_settings_error();
  TlsContextOwner made(SSL_CTX_new(TLS_server_method()));
  if (!made) return tls_settings_error();
  if (const Result<> set = set_protocol(made.get()); !set) return set;
  if (const Result<> set = set_tls_certificate(made.get(), config_); !set) return set;
  if (const Result<> set = set_client_trust(made.get()); !set) return set;
  ERR_clear_error();
  SSL_CTX_free(context_);
  context_ = made.release();
  return {};
}

Result<ssl_st*> TlsServer::make_connection() {
  if (const Result<> prepared = prepare(); !prepared) return prepared.error();
  TlsConnectionOwner ssl(SSL_new(context_));
  BIO* const bio = ssl ? TlsBio::make() : nullptr;
  if (bio == nullptr) return tls_settings_error();
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_accept_state(ssl.get());
  const auto now = std::chrono::duration_cast<Seconds>(runtime_.epoch_now().time_since_epoch());
  X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl.get()), static_cast<time_t>(now.count()));
  return ssl.release();
}

void TlsServer::count_failure(Error error) {
  ++failed_;
  // Who only looks whether the port is open need not be told of.
  const bool worth_saying = is_tls(error) && !std::exchange(said_failure_, true);
  const LogLevel level = worth_saying ? LogLevel::warn : LogLevel::debug;
  if (!log_enabled(level)) return;
  log(level, name_, ": a TLS handshake failed: ", is_tls(error) ? tls_client_fault(error) : to_string(error));
}

Task<Result<std::unique_ptr<TlsStream>>> TlsServer::secure(Stream stream, MonotonicTime end) {
  const Result<SSL*> ssl = make_connection();
  if (!ssl) {
    count_failure(ssl.error());
    co_return ssl.error();
  }
  auto secured = std::make_unique<TlsStream>(std::move(stream), *ssl, nullptr);
  const Result<> done = co_await secured->handshake(end);
  if (!done) {
    if (done.error().code == ErrorCode::cancelled) co_return done.error();
    count_failure(done.error());
    const bool plain = done.error().place == static_cast<std::uint16_t>(TlsPlace::protocol) &&
                       done.error().detail == SSL_R_HTTP_REQUEST;
    if (is_tls(done.error()))
      co_await dismiss(secured->below(), plain ? protocol_.answer_to_plain : std::string_view());
    co_return done.error();
  }
  ++handshakes_;
  if (SSL_session_reused(*ssl) == 1) ++resumed_;
  co_return std::move(secured);
}

}  // namespace stint::net
