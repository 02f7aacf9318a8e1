// SPDX-License-Identifier: Apache-2.0
// The server's side of TLS: what the connections of one receiver have in common, and the handshake that makes a
// TlsStream of each. Nothing of OpenSSL runs before prepare() or the first connection.
#pragma once

#include <sys/stat.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "net/tls_config.h"
#include "net/tls_error.h"
#include "net/tls_stream.h"
#include "runtime/stream.h"

struct ssl_ctx_st;

namespace stint::net {

class TlsServer {
 public:
  /// What a protocol adds to TLS. `alpn`: the protocols in the order of preference, each with its length before it;
  /// a client that offers others only is refused, one that offers none is taken. `answer_to_plain`: sent to a client
  /// that speaks HTTP/1 without TLS. Both of static storage.
  struct Protocol {
    std::string_view alpn;
    std::string_view answer_to_plain;
  };
  static constexpr Protocol http1{"\x08http/1.1",
                                  "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                  "Connection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"};
  static constexpr Protocol http2{"\x02h2", {}};

  /// No file is looked at. `name`: what the log calls it, "receivers::otlp::protocols::http". Borrows: runtime.
  TlsServer(Runtime& runtime, TlsServerConfig config, std::string name, Protocol protocol);
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer();

  /// A look at the files that costs microseconds, without OpenSSL: they are there and hold what they should in PEM.
  /// Fails: TlsPlace::own_certificate, own_key, client_ca.
  Result<> check_files() const;
  /// Makes what the connections share, if that has not been done: some milliseconds the first time. Files that have
  /// changed are read again as the configuration says; when they are of no use the former ones stay.
  /// Fails: as check_files(), settings.
  Result<> prepare();
  /// A sentence with the key and the file. Requires: is_tls(error), from one of the above.
  std::string explain(Error error) const;

  /// Makes the handshake over an accepted stream. A client whose handshake fails is told why, counted and logged (the
  /// first one that spoke as a warning). Suspends: until done or `end`, and a second more for the client to read what
  /// it is told. Fails: timed_out, cancelled, closed, system, and what TlsPlace names.
  Task<Result<std::unique_ptr<TlsStream>>> secure(Stream stream, MonotonicTime end);

  std::size_t handshakes() const { return handshakes_; }
  std::size_t handshakes_failed() const { return failed_; }
  std::size_t sessions_resumed() const { return resumed_; }

 private:
  /// What tells one content of a file from another; zero when it is not there.
  struct FileState {
    dev_t device = 0;
    ino_t node = 0;
    off_t size = 0;
    Nanoseconds modified{};
    friend bool operator==(const FileState&, const FileState&) = default;
  };
  using FileStates = std::array<FileState, 3>;
  static FileState state_of(const std::string& path);
  bool files_changed();
  Result<> make_context();
  Result<> set_protocol(ssl_ctx_st* context);
  Result<> set_client_trust(ssl_ctx_st* context) const;
  Result<ssl_st*> make_connection();
  void count_failure(Error error);

  Runtime& runtime_;
  TlsServerConfig config_;
  std::string name_;
  Protocol protocol_;
  ssl_ctx_st* context_ = nullptr;
  FileStates files_{};  // of the certificate, the key, the clients' authorities, as they were read
  MonotonicTime looked_{};
  std::size_t handshakes_ = 0;
  std::size_t failed_ = 0;
  std::size_t resumed_ = 0;
  bool said_failure_ = false;
};

}  // namespace stint::net
