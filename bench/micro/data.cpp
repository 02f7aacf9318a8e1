// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/data.h"

#include <cstdint>

#include "base/log.h"
#include "otlp/write.h"

namespace stint::bench {
namespace {

using namespace otlp;

// Numbers that look like ids: not zero, not compressible, the same in every run.
class Ids {
 public:
  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  std::string bytes(std::size_t size) {
    std::string text;
    while (text.size() < size) {
      const std::uint64_t number = next();
      for (unsigned shift = 0; shift < 64 && text.size() < size; shift += 8) {
        text.push_back(static_cast<char>(number >> shift));
      }
    }
    return text;
  }

 private:
  std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

void write_span(MessageWriter& scope, std::size_t index, const std::string& trace_id, Ids& ids) {
  constexpr std::uint64_t start = 1'700'000'000'000'000'000;
  MessageWriter span(scope, fields::ScopeSpans::spans);
  write(span, fields::Span::trace_id, trace_id);
  write(span, fields::Span::span_id, ids.bytes(8));
  write(span, fields::Span::parent_span_id, ids.bytes(8));
  write(span, fields::Span::name, concat("GET /api/orders/{id}/lines/", index % 7));
  span.add_enum(fields::Span::kind, static_cast<std::int32_t>(1 + index % 3));
  span.add_fixed64(fields::Span::start_time_unix_nano, start + index * 1'250'000);
  span.add_fixed64(fields::Span::end_time_unix_nano, start + index * 1'250'000 + ids.next() % 1'000'000);
  const auto attribute = [&](std::string_view key, auto value) {
    write_attribute(span, fields::Span::attributes, key, value);
  };
  attribute("http.request.method", "GET");
  attribute("http.response.status_code", std::int64_t{200});
  attribute("url.full",
            std::string_view(concat("https://api.example.com/api/orders/", ids.next() % 100'000, "/lines")));
  attribute("server.address", "api.example.com");
  attribute("network.protocol.version", "1.1");
  attribute("user_agent.original", "example-client/2.4.1");
  attribute("db.system.name", "postgresql");
  attribute("cache.hit", index % 2 == 0);
  attribute("order.total", static_cast<double>(ids.next() % 100'000) / 100.0);
}

}  // namespace

std::string trace_request(std::size_t spans) {
  Ids ids;
  std::string request;
  MessageWriter writer(request);
  MessageWriter resource_spans(writer, fields::ExportTraceServiceRequest::resource_spans);
  {
    MessageWriter resource(resource_spans, fields::ResourceSpans::resource);
    const auto attribute = [&](std::string_view key, std::string_view value) {
      write_attribute(resource, fields::Resource::attributes, key, value);
    };
    attribute("service.name", "orders");
    attribute("cloud.provider", "aws");
    attribute("cloud.region", "eu-central-1");
    attribute("faas.name", "orders-function");
    attribute("telemetry.sdk.language", "python");
  }
  {
    MessageWriter scope_spans(resource_spans, fields::ResourceSpans::scope_spans);
    {
      MessageWriter scope(scope_spans, fields::ScopeSpans::scope);
      write(scope, fields::InstrumentationScope::name, "orders.http");
      write(scope, fields::InstrumentationScope::version, "1.0.0");
    }
    std::string trace_id;
    for (std::size_t i = 0; i < spans; ++i) {
      if (i % 10 == 0) trace_id = ids.bytes(16);
      write_span(scope_spans, i, trace_id, ids);
    }
  }
  return request;
}

std::string usual_collector_yaml() {
  return R"(receivers:
  otlp:
    protocols:
      http:
        endpoint: localhost:4318

processors:
  batch:
  decouple:

exporters:
  otlphttp:
    endpoint: ${env:BACK_END}
    headers:
      authorization: Bearer ${env:TOKEN}
    compression: gzip

service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch, decouple]
      exporters: [otlphttp]
    metrics:
      receivers: [otlp]
      processors: [batch, decouple]
      exporters: [otlphttp]
    logs:
      receivers: [otlp]
      processors: [batch, decouple]
      exporters: [otlphttp]
)";
}

Slice slice_of(BlockPool& pool, std::string_view bytes) {
  Block block = pool.allocate(bytes.size()).value();
  bytes.copy(block.data(), bytes.size());
  const std::string_view view(block.data(), bytes.size());
  return Slice(std::move(block), view);
}

}  // namespace stint::bench
