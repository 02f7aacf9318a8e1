// SPDX-License-Identifier: Apache-2.0
// The function with its runtime as a simulated process: it asks for invocations, with several workers if so planned,
// and posts OTLP to the collector as an SDK does, before, during and beside its work. What its exports were answered
// goes into the ledger.
#pragma once

#include <memory>
#include <vector>

#include "base/counters.h"
#include "net/http_client.h"
#include "runtime/channel.h"
#include "runtime/scope.h"
#include "sim/items.h"
#include "sim/process.h"

namespace stint::sim {

struct Export {
  otlp::Signal signal = otlp::Signal::traces;
  std::size_t items = 3;
  Nanoseconds after{};     // the one before, or the invocation's begin
  bool beside = false;     // nobody waits for it: it may still be under way when the function has answered
  bool tells_end = false;  // traces: the last span is that of the invocation
};

struct Invoked {
  std::vector<Export> exports;
  Nanoseconds work = Milliseconds(5);  // before the exports
  bool hangs = false;                  // the function never answers
  bool exits = false;                  // the runtime ends instead of answering
};

struct FunctionPlan {
  std::vector<Export> at_init;
  std::vector<Invoked> invocations;  // the last one is repeated
  std::size_t workers = 1;           // each has an invocation of its own; the first to end ends the runtime
};

class FunctionProcess final : public Process {
 public:
  /// Borrows: all. `invocation`: the number of the next one, counted through all processes of a world.
  FunctionProcess(Network& network, const FunctionPlan& plan, Ledger& ledger, Address runtime_api,
                  std::size_t& invocation);
  bool begin() override;
  void ended() override;
  void killed() override;

 private:
  Task<> live();
  Task<> serve(Scope& workers);
  Task<bool> run(Invoked invoked, std::string request_id);
  Task<> export_all(std::vector<Export> exports, std::string request_id);
  Task<> export_one(Export one, std::string request_id);
  Task<Result<net::HttpResponse>> call(net::HttpClient& client, std::string_view method, std::string path,
                                       std::string_view media_type, std::string body, Nanoseconds timeout);

  const FunctionPlan& plan_;
  Ledger& ledger_;
  Address runtime_api_;
  std::size_t& invocation_;
  BlockPool pool_{64u << 20};
  CopyCounters copies_;
  std::unique_ptr<net::HttpClient> api_;
  std::unique_ptr<net::HttpClient> collector_;
  Notifier killed_{runtime};
  bool was_killed_ = false;
  Scope beside_{runtime};
};

}  // namespace stint::sim
