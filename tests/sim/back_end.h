// SPDX-License-Identifier: Apache-2.0
// A back end as a simulated process, over HTTP and over gRPC: it decodes every request and enters what it accepted in
// the ledger, and reacts to each request as it was told to.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "base/counters.h"
#include "net/grpc_server.h"
#include "net/http_server.h"
#include "runtime/channel.h"
#include "sim/items.h"
#include "sim/process.h"
#include "wire/gzip.h"

namespace stint::sim {

struct Reaction {
  enum class Kind : std::uint8_t {
    answer,             // `status`; with success the items are received
    reset,              // the connection, without having taken anything
    take_and_reset,     // the items are received, but the sender never learns it
    end_without_answer  // the connection is closed in an orderly way
  };
  Kind kind = Kind::answer;
  int status = 200;     // of HTTP; a call gets the code that says the same
  Nanoseconds delay{};  // before it
  std::string retry_after;
};

class BackEndProcess final : public Process, private net::HttpService, private net::GrpcService {
 public:
  static constexpr std::uint16_t http_port = 4318;
  static constexpr std::uint16_t grpc_port = 4317;
  /// At 10.0.0.9, 10.0.0.10, ...
  static Address address(std::size_t number = 0, std::uint16_t port = http_port);

  BackEndProcess(Network& network, Ledger& ledger, std::size_t number = 0);
  ~BackEndProcess() override;

  /// Listens from now on.
  bool begin() override;
  void ended() override;
  void stop();

  /// For the next requests, in order; then what `drawn` says, and without it `always`.
  std::deque<Reaction> reactions;
  std::function<Reaction()> drawn;
  Reaction always;
  /// A defect of which a world must tell: every request is answered with success, and not taken.
  bool loses = false;
  std::size_t requests() const { return requests_; }

 private:
  Task<> live();
  Task<net::HttpReply> serve(net::HttpRequest request) override;
  Task<net::GrpcReply> serve(net::GrpcRequest request) override;
  std::optional<std::size_t> find_method(std::string_view path) const override;
  bool has_service(std::string_view name) const override;
  net::GrpcReply memory_full() const override;
  Reaction react();
  bool take(const Reaction& reaction, const std::optional<std::vector<ItemId>>& items);
  std::optional<std::vector<ItemId>> read(const net::HttpRequest& request);

  Network& network_;
  Ledger& ledger_;
  std::size_t number_;
  BlockPool pool_{256u << 20};
  CopyCounters copies_;
  wire::Inflater inflater_;
  net::HttpServer server_;
  net::GrpcServer grpc_server_;
  Notifier changed_{runtime};
  bool stopping_ = false;
  std::size_t requests_ = 0;
};

}  // namespace stint::sim
