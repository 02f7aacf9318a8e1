// SPDX-License-Identifier: Apache-2.0
// The gRPC exporter before a back end in the same process, and before one whose bytes are written down: what it sends,
// what each status means for the data, what it counts, logs and copies.
#include "exporters/otlp_grpc.h"

#include "exporter_world.h"
#include "grpc_back_end.h"
#include "net/http2_script.h"
#include "otlp/status.h"
#include "runtime/combine.h"

namespace stint {
namespace {

using wire::RpcCode;

class OtlpGrpcTest : public ExporterWorld {
 public:
  static OtlpGrpcExporter::Config config(const std::string& endpoint) {
    OtlpGrpcExporter::Config made;
    made.client.endpoint = endpoint;
    made.client.tls.insecure = true;
    made.client.compression = net::GrpcCompression::none;
    made.retry_on_failure.initial_interval = Milliseconds(1);
    made.retry_on_failure.max_interval = Milliseconds(2);
    return made;
  }
  /// One attempt, whose error the sender gets.
  static OtlpGrpcExporter::Config once(const std::string& endpoint) {
    OtlpGrpcExporter::Config made = config(endpoint);
    made.retry_on_failure.enabled = false;
    return made;
  }
  std::uint64_t dropped(DropReason reason) const { return data.dropped[static_cast<std::size_t>(reason)]; }
};

Error error_of(const Result<>& result) { return result ? Error{ErrorCode::not_found} : result.error(); }

std::string retry_info(RpcCode code, Nanoseconds delay) { return otlp::encode_status({code, "later", delay}); }

Task<> finish(OtlpGrpcExporter& exporter, GrpcBackEnd& back_end) {
  co_await exporter.stop(Deadline::never());
  co_await back_end.stop();
}

Task<> plain(OtlpGrpcTest& world) {
  GrpcBackEnd back_end(world);
  OtlpGrpcExporter exporter(world.context, "otlp", world.config(back_end.endpoint()));
  const std::string large(300'000, 'b');
  for (const otlp::Signal signal : otlp::all_signals) {
    Batch two = world.batch_of({"one,", large}, signal);
    EXPECT_TRUE(co_await exporter.consume(std::move(two)));
    EXPECT_EQ(back_end.received.back().first, signal);
    EXPECT_EQ(back_end.received.back().second, "one," + large);
  }
  EXPECT_EQ(back_end.connections(), 1u);
  EXPECT_EQ(world.data.delivered, 30u);
  EXPECT_EQ(world.copies.copies + world.copies.gathers + world.copies.compacts, 0u);
  EXPECT_EQ(world.whole_log(), "");
  co_await finish(exporter, back_end);
}
TEST_F(OtlpGrpcTest, SendsSlicesAsTheyLieWithoutACopy) { run(plain(*this)); }

Task<> compressed(OtlpGrpcTest& world) {
  GrpcBackEnd back_end(world);
  for (const auto compression :
       {net::GrpcCompression::gzip, net::GrpcCompression::snappy, net::GrpcCompression::zstd}) {
    OtlpGrpcExporter::Config config = world.config(back_end.endpoint());
    config.client.compression = compression;
    OtlpGrpcExporter exporter(world.context, "otlp", config);
    world.copies = {};
    Batch two = world.batch_of({std::string(70'000, 'b'), std::string(30'000, 'c')});
    EXPECT_TRUE(co_await exporter.consume(std::move(two)));
    EXPECT_EQ(back_end.received.back().second, std::string(70'000, 'b') + std::string(30'000, 'c'));
    EXPECT_EQ(world.copies.gathers, compression == net::GrpcCompression::zstd ? 0u : 1u);
    EXPECT_EQ(world.copies.copies + world.copies.compacts, 0u);
    co_await exporter.stop(Deadline::never());
  }
  co_await back_end.stop();
}
TEST_F(OtlpGrpcTest, CompressesAfterOneGather) { run(compressed(*this)); }

Task<> several(OtlpGrpcTest& world) {
  GrpcBackEnd back_end(world);
  back_end.delay = Milliseconds(50);
  OtlpGrpcExporter exporter(world.context, "otlp", world.config(back_end.endpoint()));
  Batch a = world.batch("a"), b = world.batch("b"), c = world.batch("c");
  auto first = exporter.consume(std::move(a)), second = exporter.consume(std::move(b)),
       third = exporter.consume(std::move(c));
  const auto results = co_await all(world.runtime, std::move(first), std::move(second), std::move(third));
  EXPECT_TRUE(std::get<0>(results) && std::get<1>(results) && std::get<2>(results));
  EXPECT_EQ(back_end.received.size(), 3u);
  EXPECT_EQ(back_end.connections(), 1u);
  co_await finish(exporter, back_end);
}
TEST_F(OtlpGrpcTest, HasSeveralCallsUnderWayOnOneConnection) { run(several(*this)); }

Task<> for_now(OtlpGrpcTest& world) {
  GrpcBackEnd back_end(world);
  OtlpGrpcExporter exporter(world.context, "otlp/b", world.config(back_end.endpoint()));
  for (const RpcCode code : {RpcCode::cancelled, RpcCode::deadline_exceeded, RpcCode::aborted, RpcCode::out_of_range,
                             RpcCode::unavailable, RpcCode::data_loss}) {
    back_end.replies.push_back({.code = code, .message = "not\nnow \xc3\xbc"});
  }
  back_end.replies.push_back({.code = RpcCode::resource_exhausted,
                              .message = "throttled",
                              .details = retry_info(RpcCode::resource_exhausted, Milliseconds(20))});
  const MonotonicTime began = world.runtime.now();
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc")));
  EXPECT_GE(world.runtime.now() - began, Milliseconds(20)) << "RetryInfo counts";
  EXPECT_EQ(back_end.received.size(), 8u);
  EXPECT_EQ(world.data.retries, 7u);
  EXPECT_EQ(world.data.delivered, 5u);
  EXPECT_EQ(world.said("Canceled: not now \xc3\xbc; will be tried again"), 1u) << world.whole_log();
  EXPECT_EQ(world.said("delivered again"), 1u);
  EXPECT_EQ(world.said(""), 2u);
  co_await finish(exporter, back_end);
}
TEST_F(OtlpGrpcTest, SendsAgainWhatIsRefusedForNowAndSaysItOnce) { run(for_now(*this)); }

Task<> for_good(OtlpGrpcTest& world) {
  GrpcBackEnd back_end(world);
  OtlpGrpcExporter exporter(world.context, "otlp", world.config(back_end.endpoint()));
  const std::pair<RpcCode, ErrorCode> codes[] = {{RpcCode::unknown, ErrorCode::permanent},
                                                 {RpcCode::invalid_argument, ErrorCode::permanent},
                                                 {RpcCode::resource_exhausted, ErrorCode::permanent},
                                                 {RpcCode::unimplemented, ErrorCode::permanent},
                                                 {RpcCode::internal, ErrorCode::permanent},
                                                 {RpcCode::permission_denied, ErrorCode::permission_denied},
                                                 {RpcCode::unauthenticated, ErrorCode::unauthenticated}};
  for (const auto& [code, meaning] : codes) {
    back_end.replies.push_back({.code = code, .message = std::string(1000, 'x')});
    const Error error = error_of(co_await exporter.consume(world.batch("abc")));
    EXPECT_EQ(error.code, meaning);
    EXPECT_EQ(error.detail, static_cast<int>(code)) << "for senders over gRPC";
  }
  EXPECT_EQ(back_end.received.size(), std::size(codes));
  EXPECT_EQ(world.said("5 spans not delivered to " + back_end.endpoint() + ": InvalidArgument: xxx"), 1u)
      << world.whole_log();
  EXPECT_LT(world.whole_log().size(), 4000u);
  EXPECT_EQ(world.data.retries + world.data.delivered, 0u);
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc")));
  co_await finish(exporter, back_end);
}
TEST_F(OtlpGrpcTest, DoesNotSendAgainWhatIsRefusedForGood) { run(for_good(*this)); }

Task<> without_retries(OtlpGrpcTest& world) {
  GrpcBackEnd back_end(world);
  OtlpGrpcExporter exporter(world.context, "otlp", world.once(back_end.endpoint()));
  back_end.replies.push_back(
      {.code = RpcCode::unavailable, .message = "m", .details = retry_info(RpcCode::unavailable, Milliseconds(7001))});
  const Error error = error_of(co_await exporter.consume(world.batch("abc")));
  EXPECT_EQ(error, (Error{ErrorCode::retryable, static_cast<std::uint16_t>(RpcCode::unavailable), 7001}));
  EXPECT_EQ(world.data.delivered + world.data.dropped_total(), 0u) << "the sender was told";
  co_await back_end.stop();
  EXPECT_EQ(error_of(co_await exporter.consume(world.batch("abc"))).place,
            static_cast<std::uint16_t>(RpcCode::unavailable));
  co_await exporter.stop(Deadline::never());
}
TEST_F(OtlpGrpcTest, WithoutRetriesTheSenderGetsTheBackEndsCodeAndWait) { run(without_retries(*this)); }

Task<> partly(OtlpGrpcTest& world) {
  GrpcBackEnd back_end(world);
  OtlpGrpcExporter exporter(world.context, "otlp", world.config(back_end.endpoint()));
  back_end.replies.push_back({.body = otlp::encode_response({2, "too old"})});
  back_end.replies.push_back({.body = "no protobuf"});
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc")));
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc")));
  EXPECT_EQ(world.data.delivered, 8u);
  EXPECT_EQ(world.dropped(DropReason::permanent), 2u);
  EXPECT_EQ(world.said("2 spans rejected: too old"), 1u);
  co_await finish(exporter, back_end);
}
TEST_F(OtlpGrpcTest, CountsWhatIsRejectedInASuccess) { run(partly(*this)); }

Task<> frozen(OtlpGrpcTest& world) {
  GrpcBackEnd back_end(world);
  OtlpGrpcExporter exporter(world.context, "otlp", world.config(back_end.endpoint()));
  EXPECT_TRUE(co_await exporter.consume(world.batch("one")));
  co_await back_end.restart();
  world.loop.freeze(Seconds(600));
  EXPECT_TRUE(co_await exporter.consume(world.batch("two")));
  EXPECT_EQ(back_end.received.size(), 2u);
  EXPECT_EQ(world.data.retries, 0u);
  EXPECT_EQ(world.whole_log(), "");
  co_await finish(exporter, back_end);
}
TEST_F(OtlpGrpcTest, GoesOnInSilenceAfterAFreezeThatKilledItsConnection) { run(frozen(*this)); }

Task<> late(OtlpGrpcTest& world) {
  GrpcBackEnd back_end(world);
  back_end.delay = Milliseconds(500);
  OtlpGrpcExporter::Config config = world.once(back_end.endpoint());
  config.timeout = Milliseconds(60);
  OtlpGrpcExporter exporter(world.context, "otlp", config);
  const Error error = error_of(co_await exporter.consume(world.batch("abc")));
  EXPECT_EQ(error.place, static_cast<std::uint16_t>(RpcCode::deadline_exceeded));
  EXPECT_EQ(error.code, ErrorCode::retryable);
  co_await finish(exporter, back_end);
}
TEST_F(OtlpGrpcTest, GivesUpAnAttemptAfterItsTimeout) { run(late(*this)); }

Task<> head(OtlpGrpcTest& world) {
  http2::ScriptedBackEnd back_end(world, {{{{1, http2::settings() + http2::ok(1)}}}});
  OtlpGrpcExporter::Config config = world.config("dns:///" + back_end.endpoint());
  config.client.headers = {{"X-Tenant", "wader"}, {"key-bin", std::string("\0\1\2", 3)}};
  config.client.compression = net::GrpcCompression::snappy;
  OtlpGrpcExporter exporter(world.context, "otlp", config);
  EXPECT_TRUE(co_await exporter.consume(world.batch(std::string(1000, 'a'))));
  const http2::Answer call = back_end.heard(0).streams.at(1);
  EXPECT_EQ(call.field(":method"), "POST");
  EXPECT_EQ(call.field(":scheme"), "http");
  EXPECT_EQ(call.field(":path"), "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
  EXPECT_EQ(call.field(":authority"), back_end.endpoint());
  EXPECT_EQ(call.field("content-type"), "application/grpc");
  EXPECT_EQ(call.field("te"), "trailers");
  EXPECT_EQ(call.field("user-agent").substr(0, 6), "Stint/");
  EXPECT_EQ(call.field("grpc-timeout"), "5000000u");
  EXPECT_EQ(call.field("grpc-encoding"), "snappy");
  EXPECT_EQ(call.field("x-tenant"), "wader");
  EXPECT_EQ(call.field("key-bin"), "AAEC");
  EXPECT_EQ(call.body.substr(0, 1), std::string("\1"));
  EXPECT_EQ(call.body.substr(5, 10), "\xff\x06" + std::string("\0\0sNaPpY", 8)) << "snappy is framed in gRPC";
  co_await exporter.stop(Deadline::never());
  co_await back_end.stop();
}
TEST_F(OtlpGrpcTest, WritesTheHeadThatGrpcAsksFor) { run(head(*this)); }

Task<> strange_answers(OtlpGrpcTest& world) {
  using http2::answer, http2::message, http2::headers;
  const http2::Fields text{{":status", "200"}, {"content-type", "text/html"}};
  const http2::Fields bad_gateway{{":status", "502"}, {"content-type", "text/html"}};
  const http2::Fields not_found{{":status", "404"}};
  const http2::Fields grpc{{":status", "200"}, {"content-type", "application/grpc+proto"}};
  const http2::Fields only{{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "5"}};
  http2::ScriptedBackEnd back_end(world,
                                  {{{{1, http2::settings() + answer(1, "<html>", {}, text)},
                                     {2, answer(3, "<html>", {}, bad_gateway)},
                                     {3, answer(5, "", {}, not_found)},
                                     {4, answer(7, message(""), {}, grpc)},
                                     {5, answer(9, message(""), {{"grpc-status", "no number"}})},
                                     {6, answer(11, message(""), {{"grpc-status", "99"}, {"grpc-message", "%zz%41"}})},
                                     {7, headers(13, only, http2::end_stream)},
                                     {8, answer(15, "", {{"grpc-status", "0"}})}}}});
  OtlpGrpcExporter exporter(world.context, "otlp", world.once(back_end.endpoint()));
  const std::pair<RpcCode, std::string> expected[] = {
      {RpcCode::unknown, "received unexpected content-type \"text/html\""},
      {RpcCode::unavailable, "unexpected HTTP status code received from server: 502 (Bad Gateway)"},
      {RpcCode::unimplemented, "missing HTTP content-type"},
      {RpcCode::internal, "server closed the stream without sending trailers"},
      {RpcCode::internal, "malformed grpc-status"},
      {RpcCode::unknown, "Unknown: %zzA"},
      {RpcCode::not_found, "NotFound"}};
  for (const auto& [code, said] : expected) {
    const Error error = error_of(co_await exporter.consume(world.batch("abc")));
    EXPECT_EQ(error.code == ErrorCode::retryable ? error.place : error.detail, static_cast<int>(code)) << said;
    EXPECT_EQ(world.said(said), 1u) << world.whole_log();
  }
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc"))) << "a status counts, with a message or without";
  co_await exporter.stop(Deadline::never());
  co_await back_end.stop();
}
TEST_F(OtlpGrpcTest, ReadsWhatIsNoAnswerOfGrpcAsGrpcGoDoes) { run(strange_answers(*this)); }

Task<> compressed_answer(OtlpGrpcTest& world) {
  const std::string plain = otlp::encode_response({3, "zipped"});
  wire::Compressor gzip(wire::ContentEncoding::gzip);
  std::vector<Slice> one;
  one.push_back(slice_of(world.pool, plain));
  const Result<Slice> zipped = gzip.compress(one, world.pool, world.copies);
  const http2::Fields head{{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-encoding", "gzip"}};
  http2::ScriptedBackEnd back_end(
      world,
      {{{{1, http2::settings() + http2::answer(1, http2::message(zipped->view(), 1), {{"grpc-status", "0"}}, head)},
         {2, http2::answer(3, http2::message("no gzip", 1), {{"grpc-status", "0"}}, head)}}}});
  OtlpGrpcExporter exporter(world.context, "otlp", world.config(back_end.endpoint()));
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc")));
  EXPECT_EQ(world.said("3 spans rejected: zipped"), 1u) << world.whole_log();
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc")));
  EXPECT_EQ(world.data.delivered, 7u);
  co_await exporter.stop(Deadline::never());
  co_await back_end.stop();
}
TEST_F(OtlpGrpcTest, ReadsAnAnswerThatComesCompressed) { run(compressed_answer(*this)); }

Task<> needs_tls(OtlpGrpcTest& world) {
  GrpcBackEnd back_end(world);
  OtlpGrpcExporter::Config config = world.once("http://" + back_end.endpoint());
  config.client.tls.insecure = false;
  OtlpGrpcExporter exporter(world.context, "otlp", config);
  EXPECT_EQ(error_of(co_await exporter.consume(world.batch("abc"))).code, ErrorCode::retryable);
  EXPECT_TRUE(back_end.received.empty()) << "http:// does not switch TLS off";
  EXPECT_EQ(world.said("TLS"), 1u) << world.whole_log();
  co_await finish(exporter, back_end);
}
TEST_F(OtlpGrpcTest, IsSecureUnlessToldOtherwise) { run(needs_tls(*this)); }

}  // namespace
}  // namespace stint
