// SPDX-License-Identifier: Apache-2.0
// A gRPC connection as a whole, without I/O: whatever a client sends, memory stays bounded and comes back, every call
// that is handed out can be answered, and what is said is well-formed frames. Input: a byte for the size of the pieces,
// one for what is answered, then either raw bytes or frames as (type, flags, stream, size, payload).
#include "fuzz/http2_input.h"
#include "net/grpc_calls.h"

namespace stint::fuzz {
namespace {

constexpr std::size_t pool_bytes = 1u << 20;

class Methods final : public net::GrpcMethods {
 public:
  std::optional<std::size_t> find_method(std::string_view path) const override {
    return path.ends_with("/Export") ? std::optional<std::size_t>(0) : std::nullopt;
  }
  bool has_service(std::string_view name) const override { return name == "a"; }
  bool has_encoding(std::string_view name) const override { return name == "gzip"; }
  net::GrpcReply memory_full() const override { return {.code = wire::RpcCode::unavailable, .message = "full"}; }
};

struct Connection {
  net::Http2Memory memory;
  BlockPool pool{pool_bytes};
  CopyCounters copies;
  Methods methods;
  net::GrpcSettings settings{.message_bytes_max = 2000, .streams_max = 4};
  MonotonicTime now{Seconds(1000)};
};

// Sends `bytes` in pieces of `step`; what is asked is answered at once, or only at the end.
void converse(Connection& world, std::string_view bytes, std::size_t step, bool late, std::string_view input) {
  net::ReceiveBuffer buffer(world.pool, world.copies);
  net::GrpcCalls calls(world.memory, world.pool, world.copies, world.methods, world.settings, world.now);
  std::vector<net::GrpcCall*> open, expired;
  Said said;
  std::size_t served = 0;
  bool good = true;
  while (good && !bytes.empty() && !calls.is_over()) {
    if (!calls.reserve(buffer)) break;
    bytes.remove_prefix(buffer.put(bytes.substr(0, step)));
    good = calls.receive(buffer, world.now);
    world.now += Milliseconds(100);
    while (net::GrpcCall* call = calls.next_ready()) {
      const Slice message = call->take_message();
      const ExactCopy read(message.view());  // every byte is there
      STINT_CHECK(message.size() <= world.settings.message_bytes_max);
      open.push_back(call);
      ++served;
    }
    expired.clear();
    calls.expire(world.now, expired);
    good = calls.keep_alive(world.now) && good;
    for (net::GrpcCall* call : late ? std::vector<net::GrpcCall*>() : std::exchange(open, {})) {
      calls.finish(*call, {.body = "ok"});
    }
    calls.abandoned().clear();
    STINT_CHECK(calls.calls() <= world.settings.streams_max && calls.next_due() > MonotonicTime());
    good = calls.take_output(said.output(), 1u << 20) && good;
    said.check();
  }
  plant_bug({served >= 1, world.copies.compacts >= 1, late}, input);
  for (net::GrpcCall* call : open) calls.finish(*call, {.code = wire::RpcCode::internal, .message = "n\xff"});
  (void)calls.take_output(said.output(), 1u << 20);
  said.check();
}

}  // namespace

void run(std::string_view bytes) {
  Input input(bytes);
  const std::size_t step = 1 + static_cast<std::size_t>(input.byte()) * 16;
  const std::uint8_t choice = input.byte();
  const std::string sent = (choice & 2) != 0 ? std::string(input.rest()) : std::string(preface) + frames_of(input);
  Connection world;
  converse(world, sent, step, (choice & 1) != 0, bytes);
  STINT_CHECK(world.pool.bytes_in_use() == 0 && world.pool.bytes_in_use_peak() <= pool_bytes);
  STINT_CHECK(world.memory.pieces_in_use() == 0);
}

}  // namespace stint::fuzz
