// SPDX-License-Identifier: Apache-2.0
// The codecs: HTTP heads, chunks, gzip both ways, the platform's JSON.
#include "bench/micro/data.h"
#include "bench/micro/measured.h"
#include "wire/chunked.h"
#include "wire/gzip.h"
#include "wire/http1.h"
#include "wire/platform_events.h"

namespace stint::bench {
namespace {

constexpr std::string_view request_head =
    "POST /v1/traces HTTP/1.1\r\nHost: localhost:4318\r\nUser-Agent: OTel-OTLP-Exporter-Python/1.30.0\r\n"
    "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n"
    "Content-Type: application/x-protobuf\r\nContent-Length: 47000\r\n\r\n";

void http_request_head(benchmark::State& state) {
  wire::RequestHead head;
  Measured measured(state);
  for (auto _ : state) {
    std::size_t scanned = 0;
    benchmark::DoNotOptimize(wire::parse_request_head(request_head, scanned, head).value());
  }
  measured.rates(request_head.size(), 1);
}
BENCHMARK(http_request_head);

void http_response_head_written(benchmark::State& state) {
  constexpr wire::Header headers[] = {{"Content-Type", "application/x-protobuf"}};
  std::string out;
  const Measured measured(state);
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(wire::append_response_head(out, 200, headers, 2).has_value());
  }
}
BENCHMARK(http_response_head_written);

void chunked_body(benchmark::State& state) {
  const std::string body = trace_request(100);
  std::string coded;
  for (std::size_t at = 0; at < body.size(); at += 4096)
    wire::append_chunk(coded, std::string_view(body).substr(at, 4096));
  coded.append(wire::last_chunk);
  Measured measured(state);
  for (auto _ : state) {
    wire::ChunkedDecoder decoder;
    std::size_t bytes = 0;
    for (std::string_view rest = coded; !rest.empty();) {
      const auto step = decoder.next(rest).value();
      bytes += step.piece.size();
      rest.remove_prefix(step.consumed);
    }
    benchmark::DoNotOptimize(bytes);
  }
  measured.rates(body.size(), 0);
}
BENCHMARK(chunked_body);

void gzip(benchmark::State& state) {
  const std::string text = trace_request(100);
  std::string output(wire::Deflater::bound(text.size()), '\0');
  wire::Deflater deflater(static_cast<int>(state.range(0)));
  std::size_t size = 0;
  Measured measured(state);
  for (auto _ : state) size = deflater.compress(wire::DeflateFormat::gzip, text, output).value();
  measured.rates(text.size(), 0);
  state.counters["smaller_by"] = static_cast<double>(text.size()) / static_cast<double>(size);
}
BENCHMARK(gzip)->ArgName("level")->Arg(1)->Arg(6);

void gunzip(benchmark::State& state) {
  const std::string text = trace_request(100);
  std::string packed(wire::Deflater::bound(text.size()), '\0');
  packed.resize(wire::Deflater().compress(wire::DeflateFormat::gzip, text, packed).value());
  BlockPool pool(16u << 20);
  wire::Inflater inflater;
  Measured measured(state);
  for (auto _ : state) {
    const Slice whole = inflater.inflate(wire::DeflateFormat::gzip, packed, pool, 1u << 20).value();
    benchmark::DoNotOptimize(whole.size());
  }
  measured.rates(text.size(), 0);
}
BENCHMARK(gunzip);

void platform_events(benchmark::State& state) {
  constexpr std::string_view delivery =
      R"([{"time":"2024-01-01T00:00:00.000Z","type":"function","record":"2024-01-01 a line of the function's log\n"},)"
      R"({"time":"2024-01-01T00:00:00.100Z","type":"platform.runtimeDone","record":{"requestId":"6d67a1c4",)"
      R"("status":"success","metrics":{"durationMs":12.5,"producedBytes":128},"spans":[{"name":"responseLatency",)"
      R"("start":"2024-01-01T00:00:00.090Z","durationMs":1.2}]}}])";
  Measured measured(state);
  for (auto _ : state) {
    std::size_t events = 0;
    benchmark::DoNotOptimize(
        wire::for_each_platform_event(delivery, [&events](const wire::PlatformEvent&) { ++events; }).has_value());
    benchmark::DoNotOptimize(events);
  }
  measured.rates(delivery.size(), 2);
}
BENCHMARK(platform_events);

}  // namespace
}  // namespace stint::bench
