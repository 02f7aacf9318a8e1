// SPDX-License-Identifier: Apache-2.0
// The back end of the load benchmark: takes every request on a loopback port in a thread of its own, answers 200 after
// a given delay, and keeps the bodies until they are taken. Code of the benchmark's own (poll, nothing of `src`).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace load_bench {

/// A request's body as it came.
struct Body {
  std::string bytes;
  bool compressed = false;  // gzip
};

class Sink {
 public:
  /// `delay_ms`: between a request and its answer.
  explicit Sink(int delay_ms = 0);
  ~Sink();
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  std::uint16_t port() const { return port_; }
  /// The bodies that came since the last call.
  std::vector<Body> take_bodies();

 private:
  struct Connection {
    int socket = -1;
    std::string received;
    std::int64_t answer_at_ns = 0;  // 0: no answer is due
  };
  void serve();
  void accept_one();
  int wait_ms() const;
  bool read_some(Connection& connection);
  bool answer(Connection& connection);
  void take_request(Connection& connection);

  int delay_ms_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::vector<Connection> connections_;
  std::mutex bodies_lock_;
  std::vector<Body> bodies_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace load_bench
