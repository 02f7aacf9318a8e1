// SPDX-License-Identifier: Apache-2.0
// The exporter before a back end in the same process: what it sends, what it makes of each answer, what it counts, logs
// and copies.
#include "exporters/otlphttp.h"

#include "back_end.h"
#include "exporter_world.h"
#include "otlp/status.h"

namespace stint {
namespace {

constexpr std::string_view protobuf = "application/x-protobuf";
constexpr std::string_view json = "application/json";

class OtlpHttpTest : public ExporterWorld {
 public:
  static OtlpHttpExporter::Config config(const BackEnd& back_end) {
    OtlpHttpExporter::Config made;
    made.client.endpoint = back_end.url();
    made.client.compression = net::Compression::none;
    made.retry_on_failure.initial_interval = Milliseconds(1);
    made.retry_on_failure.max_interval = Milliseconds(2);
    return made;
  }
  static OtlpHttpExporter::Config patient(const BackEnd& back_end) {
    OtlpHttpExporter::Config made = config(back_end);
    made.retry_on_failure.initial_interval = made.retry_on_failure.max_interval = std::chrono::hours(1);
    made.retry_on_failure.max_elapsed_time = Nanoseconds::zero();
    return made;
  }
};

ErrorCode code_of(const Result<>& result) { return result ? ErrorCode::not_found : result.error().code; }

Task<> finish(OtlpHttpExporter& exporter, BackEnd& back_end) {
  co_await exporter.stop(Deadline::never());
  co_await back_end.stop();
}

Task<> plain(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter::Config config = world.config(back_end);
  config.client.headers = {{"X-Tenant", "wader"}};
  OtlpHttpExporter exporter(world.context, "otlphttp", config);
  for (const otlp::Signal signal : otlp::all_signals) {
    Batch two = world.batch_of({"one,", "two"}, signal);
    EXPECT_TRUE(co_await exporter.consume(std::move(two)));
    const BackEnd::Received& received = back_end.received.back();
    EXPECT_EQ(received.path, names(signal).url_path);
    EXPECT_EQ(received.body, "one,two");
    EXPECT_EQ(received.content_type, protobuf);
    EXPECT_EQ(received.content_encoding, "");
    EXPECT_EQ("http://" + received.host, back_end.url());
    EXPECT_EQ(received.tenant, "wader");
    EXPECT_EQ(received.user_agent.substr(0, 6), "Stint/");
  }
  EXPECT_EQ(world.data.delivered, 30u);
  EXPECT_EQ(world.data.dropped_total(), 0u);
  EXPECT_EQ(world.copies.copies + world.copies.gathers + world.copies.compacts, 0u);
  EXPECT_EQ(world.whole_log(), "");
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, SendsSlicesAsTheyLieWithoutACopy) { run(plain(*this)); }

Task<> in_json(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter::Config config = world.config(back_end);
  config.encoding = OtlpHttpExporter::Encoding::json;
  OtlpHttpExporter exporter(world.context, "otlphttp", config);
  const std::string one =
                        "\x0a\x03\x1a\x01"
                        "a",
                    two =
                        "\x0a\x03\x1a\x01"
                        "b";
  back_end.replies = {reply(200, R"({"partialSuccess":{"rejectedSpans":"4","errorMessage":"old"}})", json)};
  Batch both = world.batch_of({one, two});
  EXPECT_TRUE(co_await exporter.consume(std::move(both)));
  EXPECT_EQ(back_end.received.back().content_type, json);
  EXPECT_EQ(back_end.received.back().body, R"({"resourceSpans":[{"schemaUrl":"a"},{"schemaUrl":"b"}]})");
  EXPECT_EQ(world.data.delivered, 6u);
  EXPECT_NE(world.whole_log().find("4 spans rejected: old"), std::string::npos) << world.whole_log();

  back_end.replies = {reply(400, R"({"code":3,"message":"no such thing"})", json)};
  const Result<> refused = co_await exporter.consume(world.batch(one, otlp::Signal::logs));
  EXPECT_EQ(code_of(refused), ErrorCode::permanent);
  EXPECT_EQ(back_end.received.back().body, R"({"resourceLogs":[{"schemaUrl":"a"}]})");
  EXPECT_NE(world.whole_log().find("400 Bad Request: no such thing"), std::string::npos) << world.whole_log();
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, SendsJsonWhereItIsWantedAndReadsAnswersInIt) { run(in_json(*this)); }

Task<> no_json(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter::Config config = world.config(back_end);
  config.encoding = OtlpHttpExporter::Encoding::json;
  config.retry_on_failure.max_elapsed_time = Milliseconds(5);
  OtlpHttpExporter exporter(world.context, "otlphttp", config);
  EXPECT_EQ(code_of(co_await exporter.consume(world.batch("\x0a\x05"))), ErrorCode::permanent);
  EXPECT_NE(world.whole_log().find("cannot be written in JSON: malformed"), std::string::npos) << world.whole_log();
  Batch batch = world.batch(
      "\x0a\x03\x1a\x01"
      "a");
  {
    std::vector<Block> all;
    while (Result<Block> block = world.pool.allocate(BlockPool::smallest_bytes / 2)) all.push_back(std::move(*block));
    EXPECT_EQ(code_of(co_await exporter.consume(std::move(batch))), ErrorCode::retryable);
  }
  EXPECT_NE(world.whole_log().find("no memory for the request in JSON; will be tried again"), std::string::npos);
  EXPECT_TRUE(back_end.received.empty());
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, SaysWhyThereIsNoJson) { run(no_json(*this)); }

Task<> compressed(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter::Config config = world.config(back_end);
  config.client.compression = net::Compression::gzip;
  OtlpHttpExporter exporter(world.context, "otlphttp", config);
  wire::Inflater inflater;
  EXPECT_TRUE(co_await exporter.consume(world.batch(std::string(100'000, 'a'))));
  EXPECT_EQ(world.copies.gathers, 0u);
  Batch two = world.batch_of({std::string(70'000, 'b'), std::string(30'000, 'c')});
  EXPECT_TRUE(co_await exporter.consume(std::move(two)));
  EXPECT_EQ(world.copies.gathers, 1u);
  EXPECT_EQ(world.copies.gather_bytes, 100'000u);
  EXPECT_EQ(world.copies.copies + world.copies.compacts, 0u);
  const std::string expected[] = {std::string(100'000, 'a'), std::string(70'000, 'b') + std::string(30'000, 'c')};
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(back_end.received[i].content_encoding, "gzip");
    const Result<Slice> body =
        inflater.inflate(wire::DeflateFormat::gzip, back_end.received[i].body, world.pool, 1u << 20);
    EXPECT_TRUE(body && body->view() == expected[i]);
  }
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, CompressesAfterOneGatherOfSeveralSlicesAndNoneOfOne) { run(compressed(*this)); }

Task<> every_compression(OtlpHttpTest& world) {
  using net::Compression;
  BackEnd back_end(world);
  wire::Decompressor decompressor;
  for (const Compression compression : {Compression::gzip, Compression::zstd, Compression::snappy, Compression::zlib,
                                        Compression::x_snappy_framed, Compression::deflate, Compression::lz4}) {
    OtlpHttpExporter::Config config = world.config(back_end);
    config.client.compression = compression;
    OtlpHttpExporter exporter(world.context, "otlphttp", config);
    world.copies = {};
    Batch batch = world.batch_of({std::string(70'000, 'b'), std::string(30'000, 'c')});
    EXPECT_TRUE(co_await exporter.consume(std::move(batch)));
    EXPECT_EQ(world.copies.gathers, compression == Compression::zstd ? 0u : 1u);
    EXPECT_EQ(world.copies.copies + world.copies.compacts, 0u);
    const BackEnd::Received& received = back_end.received.back();
    EXPECT_EQ(received.content_encoding, wire::name(config.client.content_encoding()));
    EXPECT_LT(received.body.size(), 10'000u);
    const Result<Slice> body =
        decompressor.decompress(config.client.content_encoding(), received.body, world.pool, 1u << 20);
    EXPECT_TRUE(body && body->view() == std::string(70'000, 'b') + std::string(30'000, 'c'));
    co_await exporter.stop(Deadline::never());
  }
  co_await back_end.stop();
}
TEST_F(OtlpHttpTest, CompressesInEveryEncodingAndOnlyZstdWithoutAGather) { run(every_compression(*this)); }

Task<> without_memory(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter::Config config = world.config(back_end);
  config.client.compression = net::Compression::gzip;
  OtlpHttpExporter exporter(world.context, "otlphttp", config);
  Batch batch = world.batch_of({std::string(3u << 20, 'a'), std::string(1u << 20, 'b')});
  {
    const Result<Block> all_but_some = world.pool.allocate(10u << 20);
    EXPECT_TRUE(all_but_some);
    EXPECT_TRUE(co_await exporter.consume(std::move(batch)));
  }
  EXPECT_EQ(back_end.received.back().content_encoding, "");
  EXPECT_EQ(back_end.received.back().body.size(), 4u << 20);
  EXPECT_EQ(world.data.delivered, 10u);
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, ACompressionWithoutMemoryIsLeftOut) { run(without_memory(*this)); }

Task<> full_memory(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter exporter(world.context, "otlphttp", world.patient(back_end));
  Batch batch = world.batch("data");
  std::vector<Block> all;
  while (Result<Block> block = world.pool.allocate(BlockPool::smallest_bytes)) all.push_back(std::move(*block));
  EXPECT_TRUE(co_await exporter.consume(std::move(batch)));
  all.clear();
  EXPECT_EQ(back_end.received.size(), 1u);
  EXPECT_EQ(world.data.delivered, 5u);
  EXPECT_EQ(world.data.retries, 0u);
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, ReadsTheAnswerWhenTheMemoryForDataIsFull) { run(full_memory(*this)); }

Task<> endpoints(OtlpHttpTest& world) {
  BackEnd back_end(world), other(world);
  OtlpHttpExporter::Config config = world.config(back_end);
  config.client.endpoint = back_end.url() + "/base/?key=1";
  config.traces_endpoint = other.url() + "/in/spans/?a=b";
  config.client.headers = {{"host", "telemetry.example"}, {"user-agent", "mine"}};
  OtlpHttpExporter exporter(world.context, "otlphttp", config);
  EXPECT_TRUE(co_await exporter.consume(world.batch("t", otlp::Signal::traces)));
  EXPECT_TRUE(co_await exporter.consume(world.batch("l", otlp::Signal::logs)));
  EXPECT_EQ(other.received.size(), 1u);
  EXPECT_EQ(other.received[0].path, "/in/spans/?a=b");
  EXPECT_EQ(back_end.received.size(), 1u);
  EXPECT_EQ(back_end.received[0].path, "/base/v1/logs?key=1");
  EXPECT_EQ(back_end.received[0].host, "telemetry.example");
  EXPECT_EQ(back_end.received[0].user_agent, "mine");
  co_await finish(exporter, back_end);
  co_await other.stop();
}
TEST_F(OtlpHttpTest, TakesEndpointsOfASignalAsTheyAreAndHonoursHeaders) { run(endpoints(*this)); }

Task<> no_endpoint(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter::Config config = world.config(back_end);
  config.traces_endpoint = config.client.endpoint;
  config.client.endpoint.clear();
  OtlpHttpExporter exporter(world.context, "otlphttp", config);
  EXPECT_EQ(code_of(co_await exporter.consume(world.batch("l", otlp::Signal::logs))), ErrorCode::permanent);
  EXPECT_EQ(world.said("logs_endpoint"), 1u);
  EXPECT_TRUE(co_await exporter.consume(world.batch("t")));
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, RefusesASignalThatHasNoEndpoint) { run(no_endpoint(*this)); }

Task<> for_now(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter exporter(world.context, "otlphttp/b", world.config(back_end));
  for (const int status : {429, 502, 503, 504}) back_end.replies.push_back(reply(status));
  back_end.replies.front().headers.emplace_back("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT");
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc")));
  EXPECT_EQ(back_end.received.size(), 5u);
  for (const BackEnd::Received& received : back_end.received) EXPECT_EQ(received.body, "abc");
  EXPECT_EQ(world.data.retries, 4u);
  EXPECT_EQ(world.data.delivered, 5u);
  EXPECT_EQ(world.said("429 Too Many Requests"), 1u) << world.whole_log();
  EXPECT_EQ(world.said("delivered again"), 1u);
  EXPECT_EQ(world.said(""), 2u) << "one line when it begins to fail, one when it delivers again";
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, SendsAgainWhatIsRefusedForNowAndSaysItOnce) { run(for_now(*this)); }

Task<> retry_after(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter::Config config = world.config(back_end);
  config.retry_on_failure.enabled = false;
  OtlpHttpExporter exporter(world.context, "otlphttp", config);
  back_end.replies.push_back(reply(503));
  back_end.replies.front().headers.emplace_back("Retry-After", "7");
  const Result<> result = co_await exporter.consume(world.batch("abc"));
  EXPECT_EQ(code_of(result), ErrorCode::retryable);
  if (!result) EXPECT_EQ(result.error().detail, 7000);
  EXPECT_EQ(world.data.delivered + world.data.dropped_total(), 0u) << "the sender was told";
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, WithoutRetriesTheSenderGetsTheBackEndsWait) { run(retry_after(*this)); }

Task<> for_good(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter exporter(world.context, "otlphttp", world.config(back_end));
  const otlp::RpcStatus status{otlp::RpcCode::invalid_argument, "no such\ntenant\x1b[31m", std::nullopt};
  back_end.replies.push_back(reply(400, encode_status(status), protobuf));
  EXPECT_EQ(code_of(co_await exporter.consume(world.batch("abc"))), ErrorCode::permanent);
  EXPECT_EQ(world.said("5 spans not delivered"), 1u) << world.whole_log();
  EXPECT_EQ(world.said("400 Bad Request: no such tenant [31m"), 1u);
  const std::pair<int, ErrorCode> others[] = {{401, ErrorCode::unauthenticated},
                                              {403, ErrorCode::permission_denied},
                                              {301, ErrorCode::permanent},
                                              {500, ErrorCode::permanent}};
  for (const auto& [number, code] : others) {
    back_end.replies.push_back(reply(number, std::string(5000, 'x'), "text/plain"));
    EXPECT_EQ(code_of(co_await exporter.consume(world.batch("abc"))), code) << number;
  }
  EXPECT_LT(world.whole_log().size(), 2500u) << "a back end's text is cut";
  EXPECT_EQ(back_end.received.size(), 5u);
  EXPECT_EQ(world.data.retries + world.data.delivered, 0u);
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc")));
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, DoesNotSendAgainWhatIsRefusedForGood) { run(for_good(*this)); }

Task<> partly(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter exporter(world.context, "otlphttp", world.config(back_end));
  back_end.last_for_ever = true;
  back_end.replies.push_back(reply(200, otlp::encode_response({2, "too old"}), protobuf));
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc")));
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc")));
  EXPECT_EQ(world.data.delivered, 6u);
  EXPECT_EQ(world.data.dropped[static_cast<std::size_t>(DropReason::permanent)], 4u);
  EXPECT_EQ(world.said("2 spans rejected: too old"), 1u) << "the same is said once";
  back_end.replies.front() = reply(200, otlp::encode_response({99, "all"}), protobuf);
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc")));
  back_end.replies.front() = reply(200, "no protobuf", protobuf);
  EXPECT_TRUE(co_await exporter.consume(world.batch("abc")));
  EXPECT_EQ(world.data.delivered, 11u);
  EXPECT_EQ(world.data.dropped_total(), 9u) << "no more than there were";
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, CountsWhatIsRejectedInASuccess) { run(partly(*this)); }

Task<> dead_connection(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter exporter(world.context, "otlphttp", world.config(back_end));
  EXPECT_TRUE(co_await exporter.consume(world.batch("one")));
  co_await back_end.restart();
  EXPECT_TRUE(co_await exporter.consume(world.batch("two")));
  EXPECT_EQ(back_end.received.size(), 2u);
  EXPECT_EQ(world.data.retries, 0u);
  EXPECT_EQ(world.whole_log(), "");
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, ReplacesAConnectionThatDiedBetweenRequestsInSilence) { run(dead_connection(*this)); }

Task<> unreachable(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter::Config config = world.config(back_end);
  config.retry_on_failure.max_elapsed_time = Milliseconds(10);
  OtlpHttpExporter exporter(world.context, "otlphttp", config);
  co_await back_end.stop();
  EXPECT_EQ(code_of(co_await exporter.consume(world.batch("abc"))), ErrorCode::retryable);
  EXPECT_GE(world.data.retries, 1u);
  EXPECT_EQ(world.said("will be tried again"), 1u);
  EXPECT_EQ(world.said("5 spans not delivered"), 1u);
  EXPECT_EQ(world.data.dropped_total(), 0u) << "whoever told the sender a success counts them";
  co_await exporter.stop(Deadline::never());
}
TEST_F(OtlpHttpTest, GivesUpABackEndThatStaysAway) { run(unreachable(*this)); }

Task<> backing_off(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter exporter(world.context, "otlphttp", world.patient(back_end));
  back_end.replies.push_back(reply(503));
  std::optional<Result<>> result;
  Scope scope(world.runtime);
  EXPECT_TRUE(co_await exporter.flush(Deadline::never()));
  scope.spawn(store_result(exporter.consume(world.batch("abc")), result));
  EXPECT_TRUE(co_await reaches(world, exporter, Activity::working));
  EXPECT_EQ(code_of(co_await exporter.flush(Deadline::never())), ErrorCode::retryable) << "after one attempt";
  EXPECT_EQ(back_end.received.size(), 1u);
  co_await exporter.stop(Deadline::never());
  co_await scope.join();
  EXPECT_TRUE(result && *result) << "the last attempt";
  EXPECT_EQ(back_end.received.size(), 2u);
  EXPECT_TRUE(co_await exporter.flush(Deadline::never()));
  co_await back_end.stop();
}
TEST_F(OtlpHttpTest, FlushDoesNotWaitForABackOffAndStopEndsIt) { run(backing_off(*this)); }

Task<> no_answer(OtlpHttpTest& world) {
  Result<Listener> silent = Listener::open(world.runtime, Address::ipv4_loopback(0));
  OtlpHttpExporter::Config config;
  config.client.endpoint = "http://127.0.0.1:" + std::to_string(silent->address()->port());
  OtlpHttpExporter exporter(world.context, "otlphttp", config);
  std::optional<Result<>> result;
  Scope scope(world.runtime);
  scope.spawn(store_result(exporter.consume(world.batch("abc")), result));
  EXPECT_TRUE(co_await reaches(world, exporter, Activity::working));
  const Deadline soon{world.runtime.epoch_now() + Milliseconds(20)};
  EXPECT_EQ(code_of(co_await exporter.flush(soon)), ErrorCode::timed_out);
  const Deadline later{world.runtime.epoch_now() + Milliseconds(20)};
  co_await exporter.stop(later);
  scope.cancel();
  co_await scope.join();
  EXPECT_TRUE(result && code_of(*result) == ErrorCode::cancelled);
}
TEST_F(OtlpHttpTest, AnAnswerThatDoesNotComeHoldsNobodyBeyondTheDeadline) { run(no_answer(*this)); }

Task<> attempt_times_out(OtlpHttpTest& world) {
  Result<Listener> silent = Listener::open(world.runtime, Address::ipv4_loopback(0));
  OtlpHttpExporter::Config config;
  config.client.endpoint = "http://127.0.0.1:" + std::to_string(silent->address()->port());
  config.client.timeout = Milliseconds(10);
  config.retry_on_failure.enabled = false;
  OtlpHttpExporter exporter(world.context, "otlphttp", config);
  EXPECT_EQ(code_of(co_await exporter.consume(world.batch("abc"))), ErrorCode::retryable);
  EXPECT_EQ(world.said("will be tried again"), 0u);
  EXPECT_EQ(world.said(config.client.endpoint), 1u) << world.whole_log();
  co_await exporter.stop(Deadline::never());
}
TEST_F(OtlpHttpTest, AnAttemptEndsWithItsTimeout) { run(attempt_times_out(*this)); }

Task<> consume_into(OtlpHttpExporter& exporter, Batch batch, std::size_t& delivered) {
  const Result<> consumed = co_await exporter.consume(std::move(batch));
  if (consumed) ++delivered;
}
Task<> at_one_time(OtlpHttpTest& world) {
  BackEnd back_end(world);
  OtlpHttpExporter exporter(world.context, "otlphttp", world.config(back_end));
  std::size_t delivered = 0;
  Scope scope(world.runtime);
  for (const otlp::Signal signal : otlp::all_signals) {
    scope.spawn(consume_into(exporter, world.batch("abc", signal), delivered));
  }
  co_await scope.join();
  EXPECT_EQ(delivered, 3u);
  EXPECT_EQ(back_end.received.size(), 3u);
  co_await finish(exporter, back_end);
}
TEST_F(OtlpHttpTest, ServesSeveralPipelinesAtOneTime) { run(at_one_time(*this)); }

}  // namespace
}  // namespace stint
