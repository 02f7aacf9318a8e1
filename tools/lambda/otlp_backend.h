// SPDX-License-Identifier: Apache-2.0
// The back end built into the local Lambda: takes OTLP/HTTP requests in protobuf, plain or compressed, prints them and
// keeps what the report needs. It answers as it is told to: late, or with errors.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "net/http_server.h"
#include "otlp/signal.h"
#include "tools/lambda/json_writer.h"
#include "wire/gzip.h"

namespace stint::platform {

struct BackendSettings {
  Nanoseconds delay{};
  std::vector<int> statuses;  // of the first answers, in order; then 200
};

class OtlpBackend : public net::HttpService {
 public:
  struct Received {
    otlp::Signal signal;
    EpochTime at;
    MonotonicTime arrived{}, answered{};
    int status = 0;        // what was answered; 0: nothing
    std::string encoding;  // Content-Encoding; empty: none
    std::size_t wire_bytes = 0;
    std::string request;  // decompressed; empty when it was no OTLP
    std::uint32_t items = 0;
  };

  /// `taken`: called for each request that was answered with success. Borrows: runtime, pool.
  OtlpBackend(Runtime& runtime, BlockPool& pool, BackendSettings settings, std::function<void(const Received&)> taken);

  Task<net::HttpReply> serve(net::HttpRequest request) override;

  const std::vector<Received>& received() const { return received_; }
  /// `{"requests":[…],"items":[…]}`; the items are those of successful requests, one object each, in order.
  void write_report(JsonWriter& json) const;

 private:
  int take(Received& received, std::string_view content_type, const Slice& body);

  Runtime& runtime_;
  BlockPool& pool_;
  BackendSettings settings_;
  std::function<void(const Received&)> taken_;
  wire::Inflater inflater_;
  std::vector<Received> received_;
  std::size_t answered_ = 0;
};

}  // namespace stint::platform
