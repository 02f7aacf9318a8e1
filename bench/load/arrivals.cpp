// SPDX-License-Identifier: Apache-2.0
#include "bench/load/arrivals.h"

#include <libdeflate.h>
#include <unistd.h>

#include <cstring>
#include <ctime>

#include "bench/start/subject.h"

namespace load_bench {
namespace {

constexpr std::size_t gzip_bytes_min = 18;

std::int64_t own_cpu_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Arrivals::Arrivals() : compressor_(libdeflate_alloc_compressor(1)), decompressor_(libdeflate_alloc_decompressor()) {}

Arrivals::~Arrivals() {
  libdeflate_free_compressor(compressor_);
  libdeflate_free_decompressor(decompressor_);
}

bool Arrivals::await(Sink& sink, const Tally& expected, int silence_s) {
  const std::int64_t silence_ns = std::int64_t{silence_s} * 1'000'000'000;
  std::int64_t last_ns = start_bench::now_ns();
  while (tally_ != expected && start_bench::now_ns() - last_ns < silence_ns) {
    for (const Body& body : sink.take_bodies()) {
      take(body);
      last_ns = start_bench::now_ns();
    }
    ::usleep(1000);
  }
  return tally_ == expected;
}

void Arrivals::take(const Body& body) {
  ++requests_;
  if (!body.compressed) ++uncompressed_;
  if (body.compressed && !inflate(body.bytes)) return;  // its spans will be missing
  const std::string& plain = body.compressed ? plain_ : body.bytes;
  if (const std::optional<Tally> spans = count_spans(plain)) tally_.add(*spans);
  if (body.compressed) compress(plain);
}

bool Arrivals::inflate(const std::string& packed) {
  if (packed.size() < gzip_bytes_min) return false;
  std::uint32_t size = 0;  // the last field of the format
  std::memcpy(&size, packed.data() + packed.size() - sizeof size, sizeof size);
  plain_.resize(size);
  return libdeflate_gzip_decompress(decompressor_, packed.data(), packed.size(), plain_.data(), plain_.size(),
                                    nullptr) == LIBDEFLATE_SUCCESS;
}

void Arrivals::compress(const std::string& plain) {
  const std::size_t bound = libdeflate_gzip_compress_bound(compressor_, plain.size());
  if (packed_.size() < bound) packed_.resize(bound);
  const std::int64_t begin = own_cpu_ns();
  libdeflate_gzip_compress(compressor_, plain.data(), plain.size(), packed_.data(), packed_.size());
  compress_ns_ += own_cpu_ns() - begin;
}

}  // namespace load_bench
