// SPDX-License-Identifier: Apache-2.0
// What the journal costs a request: its record and the mark at its end, beside the two bare writes of the same bytes
// that no journal could do without.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "bench/micro/data.h"
#include "bench/micro/measured.h"
#include "pipeline/journal.h"
#include "runtime/epoll_loop.h"

namespace stint::bench {
namespace {

constexpr std::size_t spans = 100;

// A directory of our own, where the function's /tmp would be.
struct Directory {
  Directory() {
    if (::mkdtemp(path) == nullptr) std::abort();
    file = std::string(path) + "/journal";
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    ::unlink(file.c_str());
    ::rmdir(path);
  }
  char path[32] = "/tmp/journal-bench-XXXXXX";
  std::string file;
};

void journal_append_and_done(benchmark::State& state) {
  const Directory directory;
  EpollLoop loop;
  Runtime runtime(loop);
  BlockPool pool(64u << 20);
  DataCounters data;
  Journal journal(runtime, data, make_journal_file(directory.file), limits::journal_bytes_max);
  Batch batch(otlp::Signal::traces, slice_of(pool, trace_request(spans)), spans);
  journal.append("otlp", batch);
  batch.slices.front().attach({});
  Measured measured(state);
  for (auto _ : state) {
    journal.append("otlp", batch);
    batch.slices.front().attach({});
  }
  measured.rates(batch.bytes, spans);
}
BENCHMARK(journal_append_and_done);

void two_writes_of_the_same(benchmark::State& state) {
  const Directory directory;
  const std::string request = trace_request(spans);
  const int file = ::open(directory.file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  (void)!::pwrite(file, request.data(), request.size(), 4096);
  Measured measured(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(::pwrite(file, request.data(), request.size(), 4096));
    benchmark::DoNotOptimize(::pwrite(file, request.data(), 1, 4096));
  }
  measured.rates(request.size(), spans);
  ::close(file);
}
BENCHMARK(two_writes_of_the_same);

}  // namespace
}  // namespace stint::bench
