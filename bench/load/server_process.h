// SPDX-License-Identifier: Apache-2.0
// The measured servers as processes of their own: the collector with a configuration file of this run, and the echo.
// Both listen on a free port of 127.0.0.1 and are killed at the end.
#pragma once

#include <memory>
#include <string>

#include "bench/start/subject.h"

namespace load_bench {

/// What a run measures, and where it may write.
struct Programs {
  std::string collector;
  std::string echo;
  std::string directory;  // for the configuration and what the programs say
};

class ServerProcess {
 public:
  /// otlp (HTTP and gRPC) → batch, decouple → otlphttp (gzip) to 127.0.0.1:`sink_port`. `io`: the value of STINT_IO.
  /// `batch_size`: the batch processor's send_batch_size; 0: its default.
  static ServerProcess collector(const Programs& programs, const std::string& io, std::uint16_t sink_port,
                                 std::size_t batch_size = 0);
  static ServerProcess echo(const Programs& programs, const std::string& io);

  /// False: it ended before it listened (the loop was refused, say), or did not listen in time.
  bool ready() const { return ready_; }
  std::uint16_t port() const { return port_; }
  /// Where the collector takes gRPC; 0: the echo does not.
  std::uint16_t grpc_port() const { return grpc_port_; }
  start_bench::Cost cost() const { return subject_->cost(); }

 private:
  ServerProcess(std::uint16_t port, const start_bench::Launch& launch);

  std::uint16_t port_;
  std::uint16_t grpc_port_ = 0;
  std::unique_ptr<start_bench::Subject> subject_;
  bool ready_ = false;
};

}  // namespace load_bench
