// SPDX-License-Identifier: Apache-2.0
// The data path without sockets: walk, split, repair, gather, blocks, and all that a batch of 200 spans costs beside
// its compression. One thread; nothing is kept from one iteration to the next but the pool's blocks.
#include <vector>

#include "base/arena.h"
#include "bench/micro/data.h"
#include "bench/micro/measured.h"
#include "otlp/repair.h"
#include "otlp/split.h"
#include "otlp/walk.h"
#include "wire/gzip.h"

namespace stint::bench {
namespace {

using otlp::Signal;

constexpr std::size_t memory_bytes_max = 64u << 20;
constexpr std::size_t spans = 100;

struct Memory {
  BlockPool pool{memory_bytes_max};
  CopyCounters copies;
};

void walk(benchmark::State& state) {
  const std::string request = trace_request(spans);
  Measured measured(state);
  for (auto _ : state) benchmark::DoNotOptimize(otlp::walk(Signal::traces, request)->items);
  measured.rates(request.size(), spans);
}
BENCHMARK(walk);

void split_in_four(benchmark::State& state) {
  Memory memory;
  const Slice request = slice_of(memory.pool, trace_request(spans));
  Measured measured(state, &memory.copies);
  for (auto _ : state) {
    Arena arena(memory.pool, memory.copies);
    std::vector<Slice> slices;
    slices.push_back(request.share());
    const auto parts = otlp::split(Signal::traces, std::move(slices), {.items_max = spans / 4}, arena);
    benchmark::DoNotOptimize(parts->size());
  }
  measured.rates(request.size(), spans);
}
BENCHMARK(split_in_four);

void repair_of_one_string(benchmark::State& state) {
  Memory memory;
  std::string bytes = trace_request(spans);
  bytes[bytes.rfind("postgresql")] = '\xff';
  const Slice request = slice_of(memory.pool, bytes);
  Measured measured(state, &memory.copies);
  for (auto _ : state) {
    Arena arena(memory.pool, memory.copies);
    benchmark::DoNotOptimize(otlp::repair(Signal::traces, request, arena)->strings);
  }
  measured.rates(request.size(), spans);
}
BENCHMARK(repair_of_one_string);

std::vector<Slice> eight_requests(BlockPool& pool) {
  std::vector<Slice> slices;
  const std::string request = trace_request(25);
  while (slices.size() < 8) slices.push_back(slice_of(pool, request));
  return slices;
}

std::size_t bytes_of(const std::vector<Slice>& slices) {
  std::size_t bytes = 0;
  for (const Slice& slice : slices) bytes += slice.size();
  return bytes;
}

void gather_eight(benchmark::State& state) {
  Memory memory;
  const std::vector<Slice> slices = eight_requests(memory.pool);
  Measured measured(state, &memory.copies);
  for (auto _ : state) {
    Arena arena(memory.pool, memory.copies);
    const Slice whole = arena.gather(slices).value();
    benchmark::DoNotOptimize(whole.view().data());
  }
  measured.rates(bytes_of(slices), 0);
}
BENCHMARK(gather_eight);

// The floor of the next one: the same bytes, in one run, compressed into memory that is there.
void batch_of_200_spans_compressor_alone(benchmark::State& state) {
  Memory memory;
  const std::vector<Slice> slices = eight_requests(memory.pool);
  Arena arena(memory.pool, memory.copies);
  const Slice whole = arena.gather(slices).value();
  std::string output(wire::Deflater::bound(whole.size()), '\0');
  wire::Deflater deflater;
  Measured measured(state, &memory.copies);
  for (auto _ : state) {
    benchmark::DoNotOptimize(deflater.compress(wire::DeflateFormat::gzip, whole.view(), output).value());
  }
  measured.rates(whole.size(), 200);
}
BENCHMARK(batch_of_200_spans_compressor_alone);

void batch_of_200_spans(benchmark::State& state) {
  Memory memory;
  const std::vector<Slice> requests = eight_requests(memory.pool);
  wire::Deflater deflater;
  Measured measured(state, &memory.copies);
  for (auto _ : state) {
    std::vector<Slice> batch;
    std::size_t items = 0;
    for (const Slice& request : requests) {
      items += otlp::walk(Signal::traces, request.view())->items;
      batch.push_back(request.share());
    }
    Arena arena(memory.pool, memory.copies);
    const Slice whole = arena.gather(batch).value();
    Block output = memory.pool.allocate(wire::Deflater::bound(whole.size())).value();
    const auto size = deflater.compress(wire::DeflateFormat::gzip, whole.view(), {output.data(), output.capacity()});
    benchmark::DoNotOptimize(size.value() + items);
  }
  measured.rates(bytes_of(requests), 200);
}
BENCHMARK(batch_of_200_spans);

void block_pool(benchmark::State& state) {
  BlockPool pool(memory_bytes_max);
  const auto size = static_cast<std::size_t>(state.range(0));
  const Measured measured(state);
  for (auto _ : state) {
    const Block block = pool.allocate(size).value();
    benchmark::DoNotOptimize(block.data());
  }
}
BENCHMARK(block_pool)->Arg(16'000)->Arg(1'000'000)->Arg(4'000'000);

}  // namespace
}  // namespace stint::bench
