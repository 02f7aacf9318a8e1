// SPDX-License-Identifier: Apache-2.0
// Looks into what arrived at the sink: which spans there are, and what compressing the same bytes again costs without
// anything around it.
#pragma once

#include <cstdint>
#include <string>

#include "bench/load/sink.h"
#include "bench/load/traffic.h"

struct libdeflate_compressor;
struct libdeflate_decompressor;

namespace load_bench {

class Arrivals {
 public:
  Arrivals();
  ~Arrivals();
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;

  /// Takes from the sink until `expected` is there in all, or nothing came for `silence_s`. False: it is not.
  bool await(Sink& sink, const Tally& expected, int silence_s);
  const Tally& tally() const { return tally_; }
  std::uint64_t requests() const { return requests_; }
  /// Requests that came uncompressed: the collector's way when its memory is full.
  std::uint64_t uncompressed() const { return uncompressed_; }
  /// CPU time of compressing every compressed body once more, each as it was batched, by libdeflate at level 1.
  std::int64_t compress_ns() const { return compress_ns_; }

 private:
  void take(const Body& body);
  bool inflate(const std::string& packed);
  void compress(const std::string& plain);

  libdeflate_compressor* compressor_;
  libdeflate_decompressor* decompressor_;
  std::string plain_;
  std::string packed_;
  Tally tally_;
  std::uint64_t requests_ = 0;
  std::uint64_t uncompressed_ = 0;
  std::int64_t compress_ns_ = 0;
};

}  // namespace load_bench
