// SPDX-License-Identifier: Apache-2.0
// The loop over epoll: the one that runs on Lambda. A request is tried at once and waits only when it would block;
// descriptors are watched edge-triggered from their first wait until they are closed.
#pragma once

#include <vector>

#include "runtime/loop.h"

namespace stint {

class EpollLoop final : public Loop {
 public:
  /// Fails (check): epoll_create1 refused, which nothing can go on without.
  EpollLoop();
  ~EpollLoop() override;

  const char* name() const override { return "epoll"; }
  MonotonicTime monotonic_now() override { return now_; }
  EpochTime epoch_now() override;
  void fill_entropy(std::span<char> bytes) override;
  Result<Handle> listen(const Address& address, int backlog) override;
  Result<Address> local_address(Handle handle) override;
  Result<Handle> open_stream(const Address& peer) override;
  void shutdown_send(Handle handle) override;
  void close(Handle handle) override;
  void forget(Handle handle) override;
  bool submit(Operation& operation) override;
  void cancel(Operation& operation) override;
  void turn(Nanoseconds wait_max, CompletionList& done) override;
  std::size_t operations_in_flight() const override { return in_flight_; }
  std::size_t handles_max() const override;

 private:
  // What waits on a descriptor: one operation that reads (or accepts), one that writes (or connects).
  struct Watch {
    Operation* reader = nullptr;
    Operation* writer = nullptr;
    bool registered = false;
  };
  enum : std::uint8_t { idle, waiting, completing };
  // A sender that never pauses must not keep the others from their turn.
  static constexpr int completions_at_once_max = 32;

  Watch& watch(Handle handle);
  Operation*& waiting_slot(Operation& operation);
  bool attempt(Operation& operation);
  void complete(Operation& operation);
  void wake(Operation*& slot);

  int epoll_ = -1;
  MonotonicTime now_;
  EpochTime epoch_now_{};
  bool epoch_read_ = false;
  int completions_at_once_ = 0;
  std::size_t in_flight_ = 0;
  std::vector<Watch> watches_;  // by descriptor
  CompletionList completed_;
};

}  // namespace stint
