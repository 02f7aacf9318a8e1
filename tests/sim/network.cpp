// SPDX-License-Identifier: Apache-2.0
#include "sim/network.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "sim/simulated_loop.h"

namespace stint::sim {
namespace {

constexpr Nanoseconds connect_again_after = Seconds(1);
constexpr Nanoseconds connect_gives_up_after = Seconds(127);
// An arbitrary morning of 2023; the monotonic clock begins somewhere else.
constexpr Nanoseconds epoch_at_start = Seconds(1'700'000'000);
constexpr MonotonicTime monotonic_at_start{Seconds(1000)};

bool is_any(const Address& address) {
  return address == Address::ipv4_any(address.port()) || address == Address::ipv6_any(address.port());
}

bool overlap(const Address& a, const Address& b) {
  return a.family() == b.family() && a.port() == b.port() && (a == b || is_any(a) || is_any(b));
}

}  // namespace

Network::Network(std::uint64_t seed, NetworkSettings settings)
    : random_(seed),
      settings_(settings),
      now_(monotonic_at_start),
      epoch_offset_(epoch_at_start - monotonic_at_start.time_since_epoch()) {}

Network::~Network() = default;

std::optional<MonotonicTime> Network::next_event() const {
  if (under_way_.empty()) return std::nullopt;
  return under_way_.begin()->first.first;
}

void Network::advance(MonotonicTime to) {
  STINT_CHECK(to >= now_);
  while (!under_way_.empty() && under_way_.begin()->first.first <= to) {
    const auto first = under_way_.begin();
    now_ = std::max(now_, first->first.first);
    Packet packet = std::move(first->second);
    under_way_.erase(first);
    deliver(std::move(packet));
  }
  now_ = to;
}

void Network::set_route(const Address& address, Route route) {
  std::erase_if(routes_, [&](const auto& known) { return known.first == address; });
  routes_.emplace_back(address, route);
}

Socket* Network::find(Handle handle) {
  const auto found = sockets_.find(handle);
  return found == sockets_.end() ? nullptr : found->second.get();
}

Socket& Network::socket(Handle handle) {
  Socket* const found = find(handle);
  STINT_CHECK(found != nullptr);  // a handle that was closed, or never opened
  return *found;
}

Socket& Network::make_socket(SimulatedLoop& owner) {
  auto made = std::make_unique<Socket>();
  made->handle = ++last_handle_;
  made->owner = &owner;
  return *(sockets_[made->handle] = std::move(made));
}

bool Network::is_taken(const Address& address) const {
  return std::any_of(sockets_.begin(), sockets_.end(), [&](const auto& entry) {
    return entry.second->state == Socket::State::listening && overlap(entry.second->local, address);
  });
}

Address Network::free_address(Address address) {
  do {
    address.set_port(++last_port_ == 0 ? last_port_ = 32768 : last_port_);
  } while (is_taken(address));
  return address;
}

Result<Handle> Network::listen(SimulatedLoop& owner, const Address& address, int backlog) {
  if (address.family() == AF_INET6 && !settings_.ipv6) return system_error(EADDRNOTAVAIL);
  const Address local = address.port() == 0 ? free_address(address) : address;
  if (is_taken(local)) return Error{ErrorCode::in_use, 0, EADDRINUSE};
  Socket& listener = make_socket(owner);
  listener.state = Socket::State::listening;
  listener.local = local;
  listener.backlog = static_cast<std::size_t>(backlog);
  return listener.handle;
}

Handle Network::open_stream(SimulatedLoop& owner) { return make_socket(owner).handle; }

Socket* Network::find_listener(const Address& address) {
  for (const auto& [handle, socket] : sockets_) {
    if (socket->state == Socket::State::listening && !socket->dead && overlap(socket->local, address)) {
      return socket.get();
    }
  }
  return nullptr;
}

std::size_t Network::shortened(std::size_t size) {
  return size > 1 && random_.chance(settings_.short_permille) ? 1 + random_.below(size) : size;
}

std::int32_t Network::attempt(Operation& operation, bool first) {
  Socket& subject = socket(operation.handle);
  const bool over = subject.dead || subject.error_number != 0;
  switch (operation.kind) {
    case Operation::Kind::accept: return try_accept(subject);
    case Operation::Kind::connect: return try_connect(subject, *operation.address, first);
    case Operation::Kind::receive: return try_receive(subject, operation.data, operation.size);
    case Operation::Kind::send: return try_send(subject, operation.parts, operation.part_count);
    case Operation::Kind::readable:
      return over || subject.unread() > 0 || subject.end_received || !subject.waiting.empty() ? 0 : would_block;
    case Operation::Kind::writable: return over || subject.outstanding < settings_.buffer_bytes ? 0 : would_block;
  }
  return -EINVAL;
}

std::int32_t Network::try_accept(Socket& listener) {
  STINT_CHECK(listener.state == Socket::State::listening);
  if (listener.waiting.empty()) return would_block;
  const Handle accepted = listener.waiting.front();
  listener.waiting.pop_front();
  return accepted;
}

std::int32_t Network::try_connect(Socket& socket, const Address& address, bool first) {
  if (first) {
    STINT_CHECK(socket.state == Socket::State::fresh);
    socket.state = Socket::State::connecting;
    socket.remote = address;
    socket.local = free_address(Address::ipv4_loopback(0));
    if (address.family() == AF_INET6 && !settings_.ipv6) return -EADDRNOTAVAIL;
    for (const auto& [destination, route] : routes_) {
      if (destination == address && route == Route::black_hole) {
        schedule(now_ + connect_gives_up_after, {Packet::Kind::timed_out, socket.handle, no_handle, {}, 0, {}});
        return would_block;
      }
    }
    send_connect(socket, latency());
    return would_block;
  }
  if (socket.error_number != 0) return -std::exchange(socket.error_number, 0);
  return socket.state == Socket::State::connected ? 0 : would_block;
}

std::int32_t Network::try_receive(Socket& socket, char* data, std::size_t size) {
  if (socket.unread() > 0) {
    const std::size_t taken = shortened(std::min(size, socket.unread()));
    std::copy_n(socket.received.data() + socket.read, taken, data);
    socket.read += taken;
    if (socket.unread() == 0) {
      socket.received.clear();
      socket.read = 0;
    }
    if (socket.peer != no_handle) send(socket, {Packet::Kind::window, socket.peer, socket.handle, {}, taken, {}});
    return static_cast<std::int32_t>(taken);
  }
  if (socket.error_number != 0) return -std::exchange(socket.error_number, 0);
  if (socket.end_received || socket.dead) return 0;
  return would_block;
}

std::int32_t Network::try_send(Socket& socket, const iovec* parts, std::size_t count) {
  if (socket.error_number != 0) return -std::exchange(socket.error_number, 0);
  if (socket.dead || socket.end_sent || socket.state != Socket::State::connected) return -EPIPE;
  if (socket.outstanding >= settings_.buffer_bytes) return would_block;
  std::size_t total = 0;
  for (std::size_t i = 0; i < count; ++i) total += parts[i].iov_len;
  if (total == 0) return 0;
  const std::size_t taken = shortened(std::min(total, settings_.buffer_bytes - socket.outstanding));
  Packet packet{Packet::Kind::data, socket.peer, socket.handle, {}, 0, {}};
  for (std::size_t i = 0; i < count && packet.bytes.size() < taken; ++i) {
    const std::size_t size = std::min(parts[i].iov_len, taken - packet.bytes.size());
    packet.bytes.append(static_cast<const char*>(parts[i].iov_base), size);
  }
  socket.outstanding += taken;
  send(socket, std::move(packet));
  return static_cast<std::int32_t>(taken);
}

void Network::shutdown_send(Handle handle) {
  Socket& subject = socket(handle);
  if (subject.state != Socket::State::connected || subject.dead || std::exchange(subject.end_sent, true)) return;
  send(subject, {Packet::Kind::end, subject.peer, subject.handle, {}, 0, {}});
}

void Network::close(Handle handle) {
  Socket& subject = socket(handle);
  STINT_CHECK(subject.reader == nullptr && subject.writer == nullptr);
  for (const Handle waiting : subject.waiting) {
    reset(waiting);
    sockets_.erase(waiting);
  }
  if (subject.state == Socket::State::connected && !subject.dead) {
    if (subject.unread() > 0) {
      send(subject, {Packet::Kind::reset, subject.peer, subject.handle, {}, 0, {}});
    } else if (!subject.end_sent) {
      send(subject, {Packet::Kind::end, subject.peer, subject.handle, {}, 0, {}});
    }
  }
  sockets_.erase(handle);
}

void Network::reset(Handle handle) {
  Socket& subject = socket(handle);
  if (subject.state != Socket::State::connected || subject.dead) return;
  send(subject, {Packet::Kind::reset, subject.peer, subject.handle, {}, 0, {}});
  die(subject, ECONNRESET);
}

void Network::reset_connections(SimulatedLoop& loop) {
  for (const auto& [handle, socket] : sockets_) {
    if (socket->owner == &loop) reset(handle);
  }
}

void Network::end_sending(SimulatedLoop& loop) {
  for (const auto& [handle, socket] : sockets_) {
    if (socket->owner == &loop) shutdown_send(handle);
  }
}

void Network::end_connections(SimulatedLoop& frozen, SimulatedLoop& peer, Death death) {
  STINT_CHECK(frozen.frozen());
  for (const auto& [handle, subject] : sockets_) {
    Socket* const other = subject->owner == &frozen ? find(subject->peer) : nullptr;
    if (other == nullptr || other->owner != &peer) continue;
    if (death == Death::end) send(*other, {Packet::Kind::end, handle, other->handle, {}, 0, {}});
    if (death == Death::reset) send(*other, {Packet::Kind::reset, handle, other->handle, {}, 0, {}});
    // Nobody answers to its number any more.
    if (death == Death::reset_on_send) subject->peer = ++last_handle_;
    if (death == Death::silence) subject->lost = true;
    die(*other, ETIMEDOUT);
  }
}

Result<> Network::connect_at_once(Handle handle, const Address& address) {
  Socket& subject = socket(handle);
  STINT_CHECK(subject.state == Socket::State::fresh);
  Socket* const listener = find_listener(address);
  if (listener == nullptr) return system_error(ECONNREFUSED);
  subject.local = free_address(Address::ipv4_loopback(0));
  subject.remote = address;
  subject.state = Socket::State::connected;
  subject.peer = make_peer(subject, *listener).handle;
  return {};
}

void Network::abandon(SimulatedLoop& owner) {
  for (const auto& [handle, subject] : sockets_) {
    if (subject->owner != &owner || subject->dead) continue;
    for (const Handle waiting : subject->waiting) {
      // Not the process's yet: the kernel ends it.
      Socket& connection = socket(waiting);
      reset(waiting);
      connection.owner = nullptr;
    }
    subject->waiting.clear();
    if (subject->state == Socket::State::connected) {
      const auto kind = subject->unread() > 0 ? Packet::Kind::reset : Packet::Kind::end;
      if (kind == Packet::Kind::reset || !subject->end_sent) {
        send(*subject, {kind, subject->peer, handle, {}, 0, {}});
      }
    }
    die(*subject, ECONNRESET);
    if (subject->state == Socket::State::listening) subject->local = Address();
  }
  std::erase_if(sockets_, [](const auto& entry) { return entry.second->owner == nullptr; });
}

void Network::thaw(SimulatedLoop& owner) {
  std::vector<std::pair<SimulatedLoop*, Packet>> held = std::exchange(held_, {});
  for (auto& [loop, packet] : held) {
    if (loop != &owner) {
      held_.emplace_back(loop, std::move(packet));
    } else {
      deliver(std::move(packet));
    }
  }
}

std::size_t Network::handles_of(const SimulatedLoop& owner) const {
  // What waits in a backlog belongs to the kernel.
  std::size_t all = 0, waiting = 0;
  for (const auto& [handle, subject] : sockets_) {
    if (subject->owner != &owner) continue;
    ++all;
    waiting += subject->waiting.size();
  }
  return all - waiting;
}

void Network::send_connect(Socket& socket, Nanoseconds delay) {
  schedule(now_ + delay, {Packet::Kind::connect, no_handle, socket.handle, {}, 0, socket.remote});
}

void Network::send(Socket& from, Packet packet) {
  if (from.lost) return;
  from.arrival_last = std::max(from.arrival_last, now_ + latency());
  schedule(from.arrival_last, std::move(packet));
}

void Network::schedule(MonotonicTime at, Packet packet) {
  under_way_.emplace(std::pair(at, ++packets_), std::move(packet));
}

Socket& Network::make_peer(Socket& client, Socket& listener) {
  Socket& made = make_socket(*listener.owner);
  made.state = Socket::State::connected;
  made.local = listener.local;
  made.remote = client.local;
  made.peer = client.handle;
  listener.waiting.push_back(made.handle);
  wake(listener);
  return made;
}

void Network::arrive_connect(const Packet& packet) {
  Socket* const client = find(packet.from);
  if (client == nullptr || client->state != Socket::State::connecting) return;
  Socket* const listener = find_listener(packet.address);
  if (listener == nullptr) {
    schedule(now_ + latency(), {Packet::Kind::refused, packet.from, no_handle, {}, 0, {}});
  } else if (listener->owner->frozen()) {
    held_.emplace_back(listener->owner, packet);
  } else if (listener->waiting.size() >= listener->backlog) {
    send_connect(*client, connect_again_after);
  } else {
    Socket& made = make_peer(*client, *listener);
    send(made, {Packet::Kind::accepted, client->handle, made.handle, {}, 0, {}});
  }
}

void Network::deliver(Packet packet) {
  if (packet.kind == Packet::Kind::connect) return arrive_connect(packet);
  Socket* const to = find(packet.to);
  if (to != nullptr && to->owner->frozen()) {
    held_.emplace_back(to->owner, std::move(packet));
    return;
  }
  if (to == nullptr || to->dead) {
    // Nobody is there: what was sent is answered with a reset.
    const bool answered = packet.kind == Packet::Kind::data || packet.kind == Packet::Kind::accepted;
    if (answered) schedule(now_ + latency(), {Packet::Kind::reset, packet.from, packet.to, {}, 0, {}});
    return;
  }
  switch (packet.kind) {
    case Packet::Kind::accepted:
      to->state = Socket::State::connected;
      to->peer = packet.from;
      break;
    case Packet::Kind::refused: to->error_number = ECONNREFUSED; break;
    case Packet::Kind::timed_out: to->error_number = ETIMEDOUT; break;
    case Packet::Kind::data: to->received.append(packet.bytes); break;
    case Packet::Kind::end: to->end_received = true; break;
    case Packet::Kind::reset: return die(*to, ECONNRESET);
    case Packet::Kind::window: to->outstanding -= std::min(to->outstanding, packet.count); break;
    case Packet::Kind::connect: break;
  }
  wake(*to);
}

// What was received before can still be read.
void Network::die(Socket& socket, int error_number) {
  socket.dead = true;
  socket.error_number = error_number;
  wake(socket);
}

void Network::wake(Socket& socket) {
  if (socket.owner == nullptr) return;
  socket.owner->wake(socket.reader);
  socket.owner->wake(socket.writer);
}

}  // namespace stint::sim
