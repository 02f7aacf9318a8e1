// SPDX-License-Identifier: Apache-2.0
// The loop over io_uring: requests gather in the submission queue and go to the kernel with the turn's one system call.
// Its sockets are in blocking mode (the ring waits for them; a non-blocking one would answer EAGAIN).
// From submit to completion the kernel owns the buffers; nothing here frees or moves one.
#pragma once

#include <liburing.h>

#include <array>
#include <memory>
#include <vector>

#include "runtime/loop.h"

namespace stint {

class UringLoop final : public Loop {
 public:
  enum class Mode {
    deferred,  // completions are worked off in our own turn (DEFER_TASKRUN, Linux 6.1): the quick one
    plain,     // what Linux 5.10 offers, and nothing else
  };
  static constexpr unsigned entries = 64;

  /// Fails: system, with the errno of io_uring_setup or of mapping its memory.
  static Result<std::unique_ptr<UringLoop>> open(Mode mode);
  ~UringLoop() override;

  /// IORING_FEAT_* as the kernel gave them.
  std::uint32_t features() const { return features_; }

  const char* name() const override { return "io_uring"; }
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
  // Operation::loop_state: where the operation is, and two flags.
  enum : std::uint8_t { idle, in_kernel, queued_again, completing, place_mask = 3, polling = 4, cancelling = 8 };

  UringLoop();
  std::uint8_t& busy(Handle handle);
  io_uring_sqe* submission_entry();
  bool push(Operation& operation);
  bool push_cancel(Operation& operation);
  void push_queued();
  void push_cancels_again();
  void enter(Nanoseconds wait_max);
  void collect();
  void finished(Operation& operation, std::int32_t result);
  void queue_again(Operation& operation);
  void complete(Operation& operation, std::int32_t result);

  io_uring ring_{};
  bool ring_open_ = false;
  std::uint32_t features_ = 0;
  MonotonicTime now_;
  EpochTime epoch_now_{};
  bool epoch_read_ = false;
  std::size_t in_flight_ = 0;
  Operation* cancelled_first_ = nullptr;  // asked to end, still in the kernel
  bool cancel_missed_ = false;            // a request to cancel found nothing: perhaps it came too early
  CompletionList again_;                  // to be given to the kernel once more
  CompletionList completed_;
  std::vector<std::uint8_t> busy_;               // by descriptor: which of reading and writing is in flight
  std::array<msghdr, entries> message_headers_;  // by place in the submission queue; the kernel copies at submission
};

}  // namespace stint
