// SPDX-License-Identifier: Apache-2.0
// A gRPC server for unary calls over streams: connections with many calls each, flow control, keepalive, deadlines.
// What was received and what is answered is grpc_calls' business; here are the tasks: per connection one that reads,
// per call one that serves. Nothing is made before the first connection.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "net/acceptor.h"
#include "net/grpc_calls.h"
#include "runtime/channel.h"
#include "runtime/scope.h"
#include "wire/compression.h"

namespace stint::net {

struct GrpcRequest {
  std::size_t method = 0;  // as find_method() said
  Slice message;           // decompressed. Keep it as long as you like
  GrpcMetadata metadata;   // empty unless the settings ask for it
};

/// What a server does with its calls.
class GrpcService {
 public:
  virtual ~GrpcService() = default;
  virtual std::optional<std::size_t> find_method(std::string_view path) const = 0;
  virtual bool has_service(std::string_view name) const = 0;
  /// Suspends: as long as it likes; calls of one connection are served side by side. Cancelled when the client has gone
  /// or its deadline has passed.
  virtual Task<GrpcReply> serve(GrpcRequest request) = 0;
  /// The reply to a call that was refused by the server, for the service to count it or to say more.
  virtual GrpcReply memory_full() const = 0;
};

class GrpcServer final : private GrpcMethods, private ConnectionServer {
 public:
  /// Borrows: all of them, which outlive the server.
  GrpcServer(Runtime& runtime, BlockPool& pool, CopyCounters& copies, GrpcService& service, GrpcSettings settings);
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;
  /// Requires: stop() was awaited, or nothing was started.
  ~GrpcServer() override;

  /// Takes a bound listener; connections are accepted from now on.
  void serve(Listener listener) { acceptor_.add(std::move(listener)); }
  void serve(Stream stream) override;
  /// No new connections; clients are told, calls under way are finished until `grace` has passed, then all is closed.
  Task<> stop(Nanoseconds grace);

  std::size_t connections() const { return connections_; }
  std::size_t connections_refused() const { return refused_; }
  /// Idle connections that were closed for new ones.
  std::size_t connections_evicted() const { return evicted_; }

 private:
  class Connection;
  friend class Connection;
  Task<> serve_connection(Stream stream);
  Task<Result<bool>> make_room() override;
  Connection* longest_idle() const;
  bool is_busy() const;
  Result<Slice> decompressed(GrpcCall& call, GrpcReply& refusal);

  std::optional<std::size_t> find_method(std::string_view path) const override { return service_.find_method(path); }
  bool has_service(std::string_view name) const override { return service_.has_service(name); }
  bool has_encoding(std::string_view name) const override;
  GrpcReply memory_full() const override { return service_.memory_full(); }

  Runtime& runtime_;
  BlockPool& pool_;
  CopyCounters& copies_;
  GrpcService& service_;
  GrpcSettings settings_;
  Http2Memory memory_;
  wire::Decompressor decompressor_;
  Acceptor acceptor_;
  Scope serving_;
  Connection* first_ = nullptr;
  Notifier something_ended_;
  std::size_t connections_ = 0;
  std::size_t refused_ = 0;
  std::size_t evicted_ = 0;
  bool stopping_ = false;
};

}  // namespace stint::net
