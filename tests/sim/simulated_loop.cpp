// SPDX-License-Identifier: Apache-2.0
#include "sim/simulated_loop.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/log.h"

namespace stint::sim {
namespace {

struct KindNames {
  std::string_view name;
  int error_number;  // of a fault that leaves the connection alone
};

KindNames names(Operation::Kind kind) {
  switch (kind) {
    case Operation::Kind::accept: return {"accept", EMFILE};
    case Operation::Kind::connect: return {"connect", ECONNREFUSED};
    case Operation::Kind::receive: return {"receive", ENOBUFS};
    case Operation::Kind::send: return {"send", ENOBUFS};
    case Operation::Kind::readable: return {"readable", ENOMEM};
    case Operation::Kind::writable: return {"writable", ENOMEM};
  }
  return {"?", EINVAL};
}

bool writes(const Operation& operation) {
  return operation.kind == Operation::Kind::send || operation.kind == Operation::Kind::connect ||
         operation.kind == Operation::Kind::writable;
}

}  // namespace

SimulatedLoop::SimulatedLoop(Network& network) : network_(network), random_(network.random().next()) {}

SimulatedLoop::~SimulatedLoop() {
  STINT_CHECK(in_flight_ == 0);
  STINT_CHECK(open_handles() == 0);
}

void SimulatedLoop::fill_entropy(std::span<char> bytes) {
  for (char& byte : bytes) byte = static_cast<char>(random_.next());
}

// Counts a call; the errno with which it has to fail, if it has to.
std::optional<int> SimulatedLoop::count_call(std::string_view what, Handle handle, int error_number) {
  if (abandoned_) return ECONNRESET;
  const std::uint64_t number = calls_++;
  const auto fault = faults_.find(number);
  if (fault == faults_.end()) return std::nullopt;
  hit_.append(concat(hit_.empty() ? "" : ", ", what, " ", handle, " (call ", number, ")"));
  hit_ports_.push_back(0);
  if (handle != no_handle) {
    const Socket& subject = network_.socket(handle);
    if (subject.remote.family() != AF_UNSPEC) hit_ports_.back() = subject.remote.port();
    hit_.append(concat(" ", subject.local.to_string(), " -> ", subject.remote.to_string()));
  }
  if (fault->second == Fault::Kind::kill) {
    if (killer_) killer_();
    kill_asked_ = true;
    abandon();
    return ECONNRESET;
  }
  if (fault->second == Fault::Kind::reset && handle != no_handle &&
      network_.socket(handle).state == Socket::State::connected) {
    network_.reset(handle);
    return std::nullopt;
  }
  return error_number;
}

Result<Handle> SimulatedLoop::listen(const Address& address, int backlog) {
  if (const auto failed = count_call("listen", no_handle, EADDRINUSE)) return Error{ErrorCode::in_use, 0, *failed};
  return network_.listen(*this, address, backlog);
}

Result<Address> SimulatedLoop::local_address(Handle handle) { return network_.socket(handle).local; }

Result<Handle> SimulatedLoop::open_stream(const Address& peer) {
  const auto failed = count_call("open_stream", no_handle, EMFILE);
  if (failed) {
    if (!abandoned_) hit_ports_.back() = peer.port();
    return system_error(*failed);
  }
  return network_.open_stream(*this);
}

void SimulatedLoop::shutdown_send(Handle handle) { network_.shutdown_send(handle); }
void SimulatedLoop::close(Handle handle) { network_.close(handle); }
void SimulatedLoop::forget(Handle handle) {
  const Socket& subject = network_.socket(handle);
  STINT_CHECK(subject.reader == nullptr && subject.writer == nullptr);
}

Operation*& SimulatedLoop::slot(Operation& operation) {
  Socket& subject = network_.socket(operation.handle);
  return writes(operation) ? subject.writer : subject.reader;
}

bool SimulatedLoop::attempt(Operation& operation) {
  const std::int32_t result = network_.attempt(operation, operation.loop_state == idle);
  if (result == Network::would_block) return false;
  operation.result = result;
  return true;
}

void SimulatedLoop::complete(Operation& operation) {
  operation.loop_state = completing;
  completed_.push(operation);
}

bool SimulatedLoop::submit(Operation& operation) {
  operation.loop_state = idle;
  const KindNames kind = names(operation.kind);
  STINT_CHECK(slot(operation) == nullptr);
  if (operation.kind == Operation::Kind::connect) network_.socket(operation.handle).remote = *operation.address;
  const auto failed = count_call(kind.name, operation.handle, kind.error_number);
  if (failed) operation.result = -*failed;
  if (failed || attempt(operation)) {
    if (random_.chance(network_.settings().at_once_permille)) return true;
    ++in_flight_;
    complete(operation);
    return false;
  }
  ++in_flight_;
  operation.loop_state = waiting;
  slot(operation) = &operation;
  return false;
}

void SimulatedLoop::cancel(Operation& operation) {
  if (operation.loop_state != waiting) return;
  slot(operation) = nullptr;
  // What it waited for may have come: that goes before the cancellation, as in the other loops.
  if (!attempt(operation)) operation.result = -ECANCELED;
  complete(operation);
}

void SimulatedLoop::wake(Operation*& operation) {
  if (operation == nullptr || !attempt(*operation)) return;
  complete(*std::exchange(operation, nullptr));
}

void SimulatedLoop::turn(Nanoseconds wait_max, CompletionList& done) {
  const MonotonicTime start = network_.now();
  const MonotonicTime end = wait_max < MonotonicTime::max() - start ? start + wait_max : MonotonicTime::max();
  while (completed_.empty() && network_.now() < end) {
    const std::optional<MonotonicTime> next = network_.next_event();
    STINT_CHECK(next || end != MonotonicTime::max());  // else it waits for nothing, for ever
    network_.advance(next ? std::min(*next, end) : end);
  }
  while (Operation* const operation = completed_.pop()) {
    operation->loop_state = idle;
    --in_flight_;
    done.push(*operation);
  }
}

MonotonicTime SimulatedLoop::world_time(MonotonicTime at) const {
  return at > MonotonicTime::max() - slept_ ? MonotonicTime::max() : at + slept_;
}

void SimulatedLoop::freeze(bool clock_stops) {
  STINT_CHECK(!frozen_);
  frozen_ = true;
  clock_stops_ = clock_stops;
  frozen_at_ = network_.now();
}

void SimulatedLoop::thaw() {
  STINT_CHECK(frozen_);
  frozen_ = false;
  if (clock_stops_) slept_ += network_.now() - frozen_at_;
  network_.thaw(*this);
}

void SimulatedLoop::abandon() {
  if (frozen_) thaw();
  abandoned_ = true;
  network_.abandon(*this);
}

Result<> SimulatedLoop::connect_at_once(Handle handle, const Address& address) {
  network_.socket(handle).remote = address;
  if (const auto failed = count_call("blocking connect", handle, ECONNREFUSED)) return system_error(*failed);
  return network_.connect_at_once(handle, address);
}

Result<> SimulatedLoop::write_at_once(Handle handle, std::string_view bytes) {
  if (const auto failed = count_call("blocking write", handle, EPIPE)) return system_error(*failed);
  while (!bytes.empty()) {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    Operation operation;
    operation.kind = Operation::Kind::send;
    operation.handle = handle;
    operation.parts = &part;
    operation.part_count = 1;
    const std::int32_t sent = network_.attempt(operation, true);
    STINT_CHECK(sent != Network::would_block);  // what is said before the loop fits the buffer
    if (sent < 0) return system_error(-sent);
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

namespace {

struct OwnNetwork {
  explicit OwnNetwork(std::uint64_t seed) : network(seed) {}
  Network network;
};

class LoneLoop final : private OwnNetwork, public SimulatedLoop {
 public:
  explicit LoneLoop(std::uint64_t seed) : OwnNetwork(seed), SimulatedLoop(network) {}
};

}  // namespace

std::unique_ptr<Loop> make_lone_loop(std::uint64_t seed) { return std::make_unique<LoneLoop>(seed); }

}  // namespace stint::sim
