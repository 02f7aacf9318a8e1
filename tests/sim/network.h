// SPDX-License-Identifier: Apache-2.0
// The simulated network and the clock: sockets of all processes of a world, and the packets under way between them.
// Sockets behave as those of Linux where a program can tell: bounded buffers, backlog, half-close, resets that overtake
// nothing, a close with unread bytes is a reset. Everything follows from one seed. No I/O, no thread, no clock of its
// own.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/loop.h"
#include "sim/random.h"

namespace stint::sim {

class SimulatedLoop;

struct NetworkSettings {
  std::size_t buffer_bytes = 64u << 10;  // that may be under way and unread in each direction
  Nanoseconds latency_min = std::chrono::microseconds(20);
  Nanoseconds latency_max = std::chrono::microseconds(300);
  unsigned short_permille = 250;    // a receive or send moves less than it could
  unsigned at_once_permille = 500;  // an operation that can end at submit does (epoll's way), else in the next turn
  bool ipv6 = true;
};

/// How the way to an address behaves, for connections made from now on.
enum class Route : std::uint8_t { open, black_hole };

/// What became of a connection while one end was frozen; the frozen end sees it after the thaw.
enum class Death : std::uint8_t {
  end,            // the peer has closed: a FIN lies there at the thaw
  reset,          // a reset lies there
  reset_on_send,  // the peer has forgotten the connection: the next bytes are answered with a reset
  silence,        // nobody is there any more: the next bytes vanish
};

/// One end of a connection, or a listener.
struct Socket {
  enum class State : std::uint8_t { fresh, listening, connecting, connected };
  Handle handle = no_handle;
  SimulatedLoop* owner = nullptr;
  State state = State::fresh;
  Address local, remote;

  // Of a listener.
  std::size_t backlog = 0;
  std::deque<Handle> waiting;  // connected, not yet accepted

  // Of a stream.
  Handle peer = no_handle;
  std::string received;
  std::size_t read = 0;  // of `received`
  bool end_received = false;
  bool end_sent = false;
  bool dead = false;             // reset: nothing moves any more
  bool lost = false;             // its packets vanish
  int error_number = 0;          // to be told once
  std::size_t outstanding = 0;   // bytes sent that the peer has not read
  MonotonicTime arrival_last{};  // of what was sent: nothing overtakes

  // In flight.
  Operation* reader = nullptr;
  Operation* writer = nullptr;

  std::size_t unread() const { return received.size() - read; }
};

class Network {
 public:
  explicit Network(std::uint64_t seed, NetworkSettings settings = {});
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network();

  // The clock.
  MonotonicTime now() const { return now_; }
  EpochTime epoch_now() const { return EpochTime(now_.time_since_epoch() + epoch_offset_); }
  /// When the next packet arrives, if any is under way.
  std::optional<MonotonicTime> next_event() const;
  /// Moves the clock to `to`; packets arrive at their times on the way. Requires: to >= now().
  void advance(MonotonicTime to);

  Random& random() { return random_; }
  const NetworkSettings& settings() const { return settings_; }

  // The world's will.
  void set_route(const Address& address, Route route);
  /// Resets every connection of `loop` from its own end: the peers see it after the latency.
  void reset_connections(SimulatedLoop& loop);
  /// Ends the sending side of every connection of `loop`, as an orderly close without an answer does.
  void end_sending(SimulatedLoop& loop);
  /// What has become of the connections between `frozen` and `peer`. Requires: frozen.frozen().
  void end_connections(SimulatedLoop& frozen, SimulatedLoop& peer, Death death);

  // For SimulatedLoop. Results are as in Operation; would_block where it has to wait.
  static constexpr std::int32_t would_block = -EAGAIN;
  Result<Handle> listen(SimulatedLoop& owner, const Address& address, int backlog);
  Handle open_stream(SimulatedLoop& owner);
  Socket& socket(Handle handle);
  std::int32_t attempt(Operation& operation, bool first);
  void shutdown_send(Handle handle);
  void close(Handle handle);
  void reset(Handle handle);
  /// Connected without taking time: what a blocking call before the loop looks like. Fails: system.
  Result<> connect_at_once(Handle handle, const Address& address);
  /// The process is gone: its peers see what the kernel would make of that.
  void abandon(SimulatedLoop& owner);
  void thaw(SimulatedLoop& owner);
  std::size_t handles_of(const SimulatedLoop& owner) const;

 private:
  struct Packet {
    enum class Kind : std::uint8_t { connect, accepted, refused, timed_out, data, end, reset, window };
    Kind kind;
    Handle to;
    Handle from;
    std::string bytes;      // data
    std::size_t count = 0;  // window
    Address address;        // connect
  };

  Socket* find(Handle handle);
  Socket& make_socket(SimulatedLoop& owner);
  Socket* find_listener(const Address& address);
  Address free_address(Address address);
  bool is_taken(const Address& address) const;
  Nanoseconds latency() { return random_.between(settings_.latency_min, settings_.latency_max); }
  std::size_t shortened(std::size_t size);

  std::int32_t try_accept(Socket& listener);
  std::int32_t try_connect(Socket& socket, const Address& address, bool first);
  std::int32_t try_receive(Socket& socket, char* data, std::size_t size);
  std::int32_t try_send(Socket& socket, const iovec* parts, std::size_t count);

  void send_connect(Socket& socket, Nanoseconds delay);
  void send(Socket& from, Packet packet);
  void schedule(MonotonicTime at, Packet packet);
  void deliver(Packet packet);
  void arrive_connect(const Packet& packet);
  Socket& make_peer(Socket& socket, Socket& listener);
  void die(Socket& socket, int error_number);
  void wake(Socket& socket);

  Random random_;
  NetworkSettings settings_;
  MonotonicTime now_;
  Nanoseconds epoch_offset_;
  Handle last_handle_ = 1'000'000;  // never a descriptor
  std::uint16_t last_port_ = 32768;
  std::uint64_t packets_ = 0;
  std::map<Handle, std::unique_ptr<Socket>> sockets_;
  std::map<std::pair<MonotonicTime, std::uint64_t>, Packet> under_way_;
  std::vector<std::pair<SimulatedLoop*, Packet>> held_;  // for the frozen
  std::vector<std::pair<Address, Route>> routes_;
};

}  // namespace stint::sim
