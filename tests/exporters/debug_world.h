// SPDX-License-Identifier: Apache-2.0
// What the tests of the debug exporter share: its golden requests and texts, a pipe to read from, a clock at rest.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/slices.h"
#include "otlp/golden.h"
#include "pipeline/batch.h"
#include "runtime/loop.h"

namespace stint {

inline std::string debug_golden(const std::string& file) {
  return otlp::read_file(std::string(STINT_GOLDEN_DIR) + "/debug/" + file);
}

/// A batch with the items that walk() counts. Requires: at least one request.
inline Batch batch_of(BlockPool& pool, otlp::Signal signal, const std::vector<std::string>& requests) {
  Batch batch;
  batch.signal = signal;
  for (const std::string& request : requests) {
    batch.append(Batch(signal, slice_of(pool, request), otlp::walk(signal, request).value().items));
  }
  return batch;
}

class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reader_ = ends[0];
    writer_ = ends[1];
    ::fcntl(reader_, F_SETFL, O_NONBLOCK);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_reader();
    ::close(writer_);
  }

  int writer() const { return writer_; }
  bool writer_may_wait() const { return (::fcntl(writer_, F_GETFL) & O_NONBLOCK) == 0; }
  /// What is there now.
  std::string read() const {
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = ::read(reader_, buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(size));
    }
    return text;
  }
  /// Fills it to the last byte through a writer of its own.
  void fill() const {
    const std::string path = "/proc/self/fd/" + std::to_string(writer_);
    const int filler = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(filler, 0);
    const std::string bytes(4096, 'x');
    while (::write(filler, bytes.data(), bytes.size()) > 0) {
    }
    ::close(filler);
  }
  void close_reader() {
    if (reader_ >= 0) ::close(reader_);
    reader_ = -1;
  }

 private:
  int reader_ = -1, writer_ = -1;
};

/// A loop without operations whose clock moves when it is told to, and whose entropy is 0x11 throughout.
class StillLoop final : public Loop {
 public:
  Nanoseconds since_start{};

  const char* name() const override { return "still"; }
  MonotonicTime monotonic_now() override { return MonotonicTime(since_start); }
  EpochTime epoch_now() override { return EpochTime(Milliseconds(1'735'732'800'250) + since_start); }
  void fill_entropy(std::span<char> bytes) override { std::fill(bytes.begin(), bytes.end(), '\x11'); }
  Result<Handle> listen(const Address&, int) override { return Error{ErrorCode::unsupported}; }
  Result<Address> local_address(Handle) override { return Error{ErrorCode::unsupported}; }
  Result<Handle> open_stream(const Address&) override { return Error{ErrorCode::unsupported}; }
  void shutdown_send(Handle) override {}
  void close(Handle) override {}
  void forget(Handle) override {}
  bool submit(Operation& operation) override { return operation.result = -1, true; }
  void cancel(Operation&) override {}
  void turn(Nanoseconds, CompletionList&) override {}
  std::size_t operations_in_flight() const override { return 0; }
};

}  // namespace stint
