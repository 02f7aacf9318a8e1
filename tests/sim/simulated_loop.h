// SPDX-License-Identifier: Apache-2.0
// The loop over the simulated network: one per simulated process. It can be frozen with all its sockets, abandoned as a
// killed process is, and told to fail its operation number N. Calls are counted in the order in which the program makes
// them, so that a number means the same in every run with the same seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/network.h"

namespace stint::sim {

struct Fault {
  enum class Kind : std::uint8_t {
    error,  // the call fails with an errno, nothing else happens
    reset,  // the connection is reset first; a call without one fails as above
    kill,   // the process is killed in the middle of the call
  };
  std::uint64_t call = 0;
  Kind kind = Kind::error;
};

class SimulatedLoop : public Loop {
 public:
  /// Borrows: the network, which outlives it.
  explicit SimulatedLoop(Network& network);
  ~SimulatedLoop() override;

  const char* name() const override { return "simulated"; }
  /// The clocks move between turns only: whoever turns this loop moves them.
  MonotonicTime monotonic_now() override { return network_.now() - slept_; }
  EpochTime epoch_now() override { return network_.epoch_now(); }
  void fill_entropy(std::span<char> bytes) override;
  Result<Handle> listen(const Address& address, int backlog) override;
  Result<Address> local_address(Handle handle) override;
  Result<Handle> open_stream(const Address& peer) override;
  void shutdown_send(Handle handle) override;
  void close(Handle handle) override;
  void forget(Handle handle) override;
  bool submit(Operation& operation) override;
  void cancel(Operation& operation) override;
  /// A wait moves the world's clock on to the next event; one that nothing can end is a failed check.
  void turn(Nanoseconds wait_max, CompletionList& done) override;
  std::size_t operations_in_flight() const override { return in_flight_; }

  // For whoever runs the world.
  bool has_completions() const { return !completed_.empty(); }
  std::size_t open_handles() const { return network_.handles_of(*this); }
  /// The world's time of a time on this loop's clock.
  MonotonicTime world_time(MonotonicTime at) const;

  /// The process does not run: nothing reaches its sockets until the thaw. `clock_stops`: its monotonic clock does not
  /// count that time.
  void freeze(bool clock_stops);
  void thaw();
  bool frozen() const { return frozen_; }
  /// Killed: every socket is gone for its peers, every call fails from now on. What runs on it comes to its end alone.
  void abandon();
  bool abandoned() const { return abandoned_; }

  /// The connection ends with a reset, as by a close with SO_LINGER of zero.
  void reset(Handle handle) { network_.reset(handle); }

  /// Requires: none with this call yet.
  void add_fault(Fault fault) { faults_[fault.call] = fault.kind; }
  std::uint64_t calls() const { return calls_; }
  /// What was hit, for people: "receive 17"; empty while it has not happened.
  const std::string& hit() const { return hit_; }
  /// The remote ports of the connections that were hit; 0: it was none.
  const std::vector<std::uint16_t>& hit_ports() const { return hit_ports_; }
  /// Called instead of what a kill would do.
  void set_killer(std::function<void()> killer) { killer_ = std::move(killer); }
  bool kill_asked() const { return kill_asked_; }

  /// What a blocking call before the loop does.
  Result<> connect_at_once(Handle handle, const Address& address);
  Result<> write_at_once(Handle handle, std::string_view bytes);

 private:
  friend class Network;
  enum : std::uint8_t { idle, waiting, completing };

  std::optional<int> count_call(std::string_view what, Handle handle, int error_number);
  Operation*& slot(Operation& operation);
  bool attempt(Operation& operation);
  void complete(Operation& operation);
  void wake(Operation*& operation);

  Network& network_;
  Random random_;
  std::size_t in_flight_ = 0;
  CompletionList completed_;
  bool frozen_ = false;
  bool clock_stops_ = false;
  bool abandoned_ = false;
  MonotonicTime frozen_at_{};
  Nanoseconds slept_{};

  std::uint64_t calls_ = 0;
  std::map<std::uint64_t, Fault::Kind> faults_;  // by call
  std::string hit_;
  std::vector<std::uint16_t> hit_ports_;
  std::function<void()> killer_;
  bool kill_asked_ = false;
};

/// A loop alone on a network of its own.
std::unique_ptr<Loop> make_lone_loop(std::uint64_t seed);

}  // namespace stint::sim
