// SPDX-License-Identifier: Apache-2.0
// A ticket stands for an accepted request that is written down until its data has arrived. Every slice of the request
// has a share of it, wherever it travels; when the last share ends, the office that issued the ticket hears of it.
// Stubs are reused, so a ticket costs no allocation once all is warm. One thread only: counts are not atomic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace stint {

class TicketOffice;

/// What a ticket points to: a record, or a joint of a record and others.
struct TicketStub {
  TicketOffice* office = nullptr;
  std::uint32_t references = 0;
  bool kept = false;
  std::uint32_t items = 0;
  std::uint64_t place = 0;       // the office's own
  TicketStub* first = nullptr;   // of a joint: a record's stub
  TicketStub* others = nullptr;  // of a joint: another joint or a record's stub; of a free stub: the next free one
};

/// One share. Move-only; `share()` makes a second one on purpose. Without a stub it stands for nothing.
class Ticket {
 public:
  Ticket() = default;
  Ticket(Ticket&& other) noexcept : stub_(std::exchange(other.stub_, nullptr)) {}
  Ticket& operator=(Ticket&& other) noexcept {
    if (this != &other) {
      reset();
      stub_ = std::exchange(other.stub_, nullptr);
    }
    return *this;
  }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() { reset(); }

  explicit operator bool() const { return stub_ != nullptr; }
  Ticket share() const {
    if (stub_ != nullptr) ++stub_->references;
    return Ticket(stub_);
  }
  /// From now on this ticket stands for what `other` stands for, too.
  void join(const Ticket& other);
  /// The data did not arrive and is given up here: it stays written down, for a later start.
  void keep();
  void reset() {
    if (stub_ != nullptr) release(std::exchange(stub_, nullptr));
  }

 private:
  friend class TicketOffice;
  explicit Ticket(TicketStub* stub) : stub_(stub) {}
  static void release(TicketStub* stub);
  void join_record(TicketStub* record);
  TicketStub* stub_ = nullptr;
};

/// Issues tickets and hears of their end.
class TicketOffice {
 public:
  TicketOffice() = default;
  TicketOffice(const TicketOffice&) = delete;
  TicketOffice& operator=(const TicketOffice&) = delete;
  /// Requires: every ticket has ended.
  virtual ~TicketOffice();

 protected:
  Ticket issue(std::uint64_t place, std::uint32_t items);

 private:
  friend class Ticket;
  /// The last share has ended. `kept`: somebody said keep().
  virtual void settled(std::uint64_t place, std::uint32_t items, bool kept) = 0;
  TicketStub* take();
  void give_back(TicketStub* stub);
  void settle(TicketStub* record);

  static constexpr std::size_t stubs_per_sheet = 64;
  std::vector<std::unique_ptr<TicketStub[]>> sheets_;
  TicketStub* free_ = nullptr;
  std::size_t taken_ = 0;
};

}  // namespace stint
