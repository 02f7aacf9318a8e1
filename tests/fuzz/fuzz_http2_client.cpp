// SPDX-License-Identifier: Apache-2.0
// A client's HTTP/2 connection as a whole, and gRPC answers, without I/O: whatever a back end sends, every request ends
// or can be given up, memory stays bounded and comes back, and what is said is well-formed frames. Input: a byte for
// the size of the pieces, one for what is given up, then either raw bytes or frames as in http2_input.h.
#include <array>
#include <memory>
#include <vector>

#include "fuzz/http2_input.h"
#include "net/grpc_answer.h"
#include "net/http2_requests.h"

namespace stint::fuzz {
namespace {

constexpr std::size_t pool_bytes = 1u << 20;
constexpr std::size_t requests_max = 5;
constexpr wire::Header head[] = {{":method", "POST"}, {":scheme", "http"}, {":path", "/a"}, {":authority", "b"}};

class Exchange final : public net::Http2Exchange {
 public:
  using Http2Exchange::Http2Exchange;
  int times_ended = 0;

 private:
  void ended() override { ++times_ended; }
};

struct Connection {
  net::Http2Memory memory;
  BlockPool bodies{pool_bytes};
  BlockPool answers{pool_bytes};
  wire::Decompressor decompressor;
  MonotonicTime now{Seconds(1000)};
  std::size_t delivered = 0, refused = 0;
};

void look_at(Connection& world, Exchange& exchange) {
  STINT_CHECK(exchange.has_ended() && exchange.times_ended == 1);
  if (!exchange.result()) {
    world.refused += exchange.is_unprocessed();
    return;
  }
  net::HttpResponse response = exchange.take_response();
  STINT_CHECK(response.status >= 200 && response.status <= 999);
  STINT_CHECK(response.body.size() <= limits::response_body_bytes_max && response.headers.size() <= 100);
  const net::GrpcAnswer answer = net::read_grpc_answer(std::move(response), world.decompressor, world.answers);
  const ExactCopy read(answer.message.view());  // every byte is there
  STINT_CHECK(answer.code == wire::RpcCode::ok || answer.message.size() == 0);
  world.delivered += answer.code == wire::RpcCode::ok;
}

// As many requests as there is room for; the last one may be given up after each piece.
void converse(Connection& world, std::string_view bytes, std::size_t step, std::uint8_t choice) {
  constexpr net::KeepaliveSettings keepalive{.ping_after = Seconds(1), .ping_timeout = Seconds(3)};
  net::Http2Requests requests(world.memory, world.answers, keepalive, world.now);
  std::vector<Slice> body;
  body.push_back(slice_of(world.bodies, std::string(3000, 'b')));
  std::array<std::unique_ptr<Exchange>, requests_max> exchanges;
  Said said(preface.size());
  std::size_t begun = 0;
  bool good = true;
  while (good && !requests.is_over()) {
    while (begun < requests_max && requests.is_usable() && requests.has_room()) {
      exchanges[begun] = std::make_unique<Exchange>(
          net::Http2Request{.head = head, .prefix = "12345", .body = body, .wanted = net::grpc_wanted});
      requests.start(*exchanges[begun++], world.now);
    }
    good = requests.take_output(said.output(), 1u << 20);
    said.check();
    if (!good || bytes.empty()) break;
    good = requests.receive(bytes.substr(0, step), world.now);
    bytes.remove_prefix(std::min(step, bytes.size()));
    world.now += Milliseconds(100);
    if ((choice & 1) != 0) requests.give_up(*exchanges[begun - 1], world.now);
    good = requests.keep_alive(world.now) && good;
    STINT_CHECK(requests.under_way() <= requests_max);
  }
  requests.end_all(Error{ErrorCode::closed});
  (void)requests.take_output(said.output(), 1u << 20);
  said.check();
  for (std::size_t i = 0; i < begun; ++i) look_at(world, *exchanges[i]);
}

}  // namespace

void run(std::string_view bytes) {
  Input input(bytes);
  const std::size_t step = 1 + static_cast<std::size_t>(input.byte()) * 16;
  const std::uint8_t choice = input.byte();
  const std::string sent = (choice & 2) != 0 ? std::string(input.rest()) : frames_of(input);
  Connection world;
  converse(world, sent, step, choice);
  plant_bug({world.delivered >= 1, world.refused >= 1, (choice & 1) != 0}, bytes);
  STINT_CHECK(world.bodies.bytes_in_use() == 0 && world.answers.bytes_in_use() == 0);
  STINT_CHECK(world.memory.pieces_in_use() == 0);
}

}  // namespace stint::fuzz
