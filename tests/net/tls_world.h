// SPDX-License-Identifier: Apache-2.0
// The fixture of the TLS tests: a loop, an authority, no roots but those that a test gives, and a client and a server
// that meet over loopback. No operation and no descriptor is left behind.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "net/tls_error.h"
#include "runtime/combine.h"
#include "runtime/epoll_loop.h"
#include "runtime/uring_loop.h"
#include "tls_test_server.h"

namespace stint::net {

/// A file that is gone with its object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    const int descriptor = ::mkstemp(path_.data());
    EXPECT_GE(descriptor, 0);
    EXPECT_EQ(::write(descriptor, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    ::close(descriptor);
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }
  /// In place of the former content, as a tool that renews certificates does: a new file takes the name.
  void replace(const std::string& content) {
    const TemporaryFile renewed(content);
    EXPECT_EQ(::rename(renewed.path().c_str(), path_.c_str()), 0);
  }

 private:
  std::string path_ = "/tmp/stint-tls-XXXXXX";
};

/// Both ends after their handshakes; null with `error` when the client's failed.
struct Pair {
  Accepted server;
  std::unique_ptr<TlsStream> client;
  Error error{ErrorCode::not_found};
};

class TlsTest : public testing::TestWithParam<const char*> {
 public:
  Runtime& runtime() { return *runtime_; }
  Listener listener() {
    Result<Listener> opened = Listener::open(runtime(), Address::ipv4_loopback(0));
    STINT_CHECK(opened.has_value());
    return std::move(*opened);
  }
  TlsClientConfig trusting(const Certificate& root) const {
    TlsClientConfig config;
    config.ca_pem = root.pem();
    return config;
  }
  TlsServerContext good_server() const { return TlsServerContext(authority.leaf, {&authority.middle}); }
  void run(Task<> task) {
    runtime_->run(std::move(task));
    EXPECT_EQ(loop_->operations_in_flight(), 0u);
  }

  Authority authority;
  config::FixedEnvironment environment{{{"SSL_CERT_FILE", "/nonexistent"}, {"SSL_CERT_DIR", "/nonexistent"}}};

 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "epoll") {
      loop_ = std::make_unique<EpollLoop>();
    } else {
      auto ring = UringLoop::open(UringLoop::Mode::deferred);
      if (!ring) GTEST_SKIP() << "the kernel refuses this loop: " << to_string(ring.error());
      loop_ = std::move(*ring);
    }
    runtime_.emplace(*loop_);
  }

 private:
  std::unique_ptr<Loop> loop_;
  std::optional<Runtime> runtime_;
};

inline Task<Result<std::unique_ptr<TlsStream>>> dial(TlsTest& world, Address address, TlsPeer& peer,
                                                     Nanoseconds timeout = Seconds(20)) {
  Result<Stream> stream = co_await connect(world.runtime(), address, Seconds(20));
  if (!stream) co_return stream.error();
  const MonotonicTime end = world.runtime().now() + timeout;
  co_return co_await peer.secure(std::move(*stream), TlsProtocols::http1, end);
}

inline Task<Pair> meet(TlsTest& world, TlsServerContext& server, TlsPeer& peer) {
  Listener listener = world.listener();
  auto both = all(world.runtime(), accept_tls(listener, server), dial(world, *listener.address(), peer));
  auto [accepted, dialed] = co_await std::move(both);
  Pair pair;
  pair.server = std::move(accepted);
  if (dialed) {
    pair.client = std::move(*dialed);
  } else {
    pair.error = dialed.error();
  }
  co_return std::move(pair);
}

/// Everything up to the end of the stream, or the error.
inline Task<Result<std::string>> receive_all(TlsStream& stream) {
  std::string text;
  std::string piece(50'000, '\0');
  for (;;) {
    const Result<std::size_t> received = co_await stream.receive(piece.data(), piece.size(), Seconds(20));
    if (!received) co_return received.error();
    if (*received == 0) co_return std::move(text);
    text.append(piece, 0, *received);
  }
}

inline Task<Result<>> send_text(TlsStream& stream, std::string text) {
  const iovec part{text.data(), text.size()};
  const Result<> sent = co_await stream.send(std::span<const iovec>(&part, 1), Seconds(20));
  co_return sent;
}

inline std::string loop_of(const testing::TestParamInfo<const char*>& info) { return info.param; }

}  // namespace stint::net

/// Once per fixture class.
#define STINT_TLS_ON_BOTH_LOOPS(Fixture) \
  INSTANTIATE_TEST_SUITE_P(Loops, Fixture, testing::Values("epoll", "io_uring"), stint::net::loop_of)
