// SPDX-License-Identifier: Apache-2.0
#include "base/ticket.h"

#include "base/check.h"

namespace stint {

// A joint ends by letting go of its record and of the others; the chain is as long as a batch has requests.
void Ticket::release(TicketStub* stub) {
  while (--stub->references == 0) {
    TicketOffice& office = *stub->office;
    if (stub->first == nullptr) return office.settle(stub);
    TicketStub* const record = stub->first;
    TicketStub* const others = stub->others;
    office.give_back(stub);
    if (--record->references == 0) record->office->settle(record);
    stub = others;
  }
}

void Ticket::join(const Ticket& other) {
  TicketStub* stub = other.stub_;
  for (; stub != nullptr && stub->first != nullptr; stub = stub->others) join_record(stub->first);
  if (stub != nullptr) join_record(stub);
}

void Ticket::join_record(TicketStub* record) {
  // Parts of one request come one after the other.
  if (stub_ == record || (stub_ != nullptr && stub_->first == record)) return;
  ++record->references;
  if (stub_ == nullptr) {
    stub_ = record;
    return;
  }
  TicketStub* const joint = record->office->take();
  joint->first = record;
  joint->others = stub_;
  stub_ = joint;
}

void Ticket::keep() {
  TicketStub* stub = stub_;
  for (; stub != nullptr && stub->first != nullptr; stub = stub->others) stub->first->kept = true;
  if (stub != nullptr) stub->kept = true;
}

TicketOffice::~TicketOffice() { STINT_CHECK(taken_ == 0); }

Ticket TicketOffice::issue(std::uint64_t place, std::uint32_t items) {
  TicketStub* const stub = take();
  stub->place = place;
  stub->items = items;
  return Ticket(stub);
}

TicketStub* TicketOffice::take() {
  if (free_ == nullptr) {
    sheets_.push_back(std::make_unique<TicketStub[]>(stubs_per_sheet));
    for (std::size_t i = 0; i < stubs_per_sheet; ++i) {
      sheets_.back()[i].others = std::exchange(free_, &sheets_.back()[i]);
    }
  }
  TicketStub* const stub = std::exchange(free_, free_->others);
  *stub = TicketStub{.office = this, .references = 1};
  ++taken_;
  return stub;
}

void TicketOffice::give_back(TicketStub* stub) {
  stub->others = std::exchange(free_, stub);
  --taken_;
}

void TicketOffice::settle(TicketStub* record) {
  const TicketStub last = *record;
  give_back(record);
  settled(last.place, last.items, last.kept);
}

}  // namespace stint
