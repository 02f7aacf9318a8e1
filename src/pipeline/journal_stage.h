// SPDX-License-Identifier: Apache-2.0
// Where the journal touches the data path: a stage behind a receiver writes down what passes it, and the replay puts
// what a former life has left in at the same place, without writing it down again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/journal.h"
#include "runtime/scope.h"

namespace stint {

class JournalStage final : public Consumer {
 public:
  /// Borrows: journal, next.
  JournalStage(Journal& journal, std::string receiver, otlp::Signal signal, Consumer& next)
      : journal_(journal), receiver_(std::move(receiver)), signal_(signal), next_(next) {}

  Task<Result<>> consume(Batch batch) override {
    journal_.append(receiver_, batch);
    return next_.consume(std::move(batch));
  }
  Activity activity() const override { return next_.activity(); }

  bool is_of(std::string_view receiver, otlp::Signal signal) const {
    return signal == signal_ && receiver == receiver_;
  }
  Consumer& next() { return next_; }

 private:
  Journal& journal_;
  std::string receiver_;
  otlp::Signal signal_;
  Consumer& next_;
};

/// The replay of all records of a former life. It takes memory as everybody else and waits where they would wait.
class JournalReplay {
 public:
  /// Borrows: context, journal.
  JournalReplay(ComponentContext& context, Journal& journal)
      : context_(context), journal_(journal), scope_(context.runtime) {}

  Consumer& add_stage(std::string receiver, otlp::Signal signal, Consumer& next);
  /// Begins a little later, so that it is on nobody's way.
  void start() {
    runs_ = true;
    scope_.spawn(run());
  }
  /// Whether something may be left that has not been put in. Requests that have been.
  bool runs() const { return runs_; }
  std::uint64_t requests() const { return requests_; }
  /// Suspends: until more than `requests` are in, and as many as memory allows; or there is none left, or nobody else's
  /// memory comes free for a while, or `deadline`. Whether more are in.
  Task<bool> put_in_more(std::uint64_t requests, Deadline deadline);
  /// Suspends: until its task has ended. What was not put in stays in the journal.
  Task<> stop();

 private:
  Task<> run();
  Task<> put_in_all();
  Task<> put_in(Journal::Recovered recovered);
  Task<Result<>> consume_in_time(Consumer& next, Batch batch);
  JournalStage* find_stage(std::string_view receiver, otlp::Signal signal) const;
  void log_end() const;

  ComponentContext& context_;
  Journal& journal_;
  std::vector<std::unique_ptr<JournalStage>> stages_;
  Scope scope_;
  bool runs_ = false;
  bool rests_ = false;  // waits for memory or for room in a queue
  std::uint64_t requests_ = 0, damaged_ = 0, homeless_ = 0;
};

}  // namespace stint
