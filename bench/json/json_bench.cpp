// SPDX-License-Identifier: Apache-2.0
// OTLP/JSON to protobuf, per CPU second: documents of the size and shape that the Node SDK sends, decoded over and over
// in one thread. `--write DIRECTORY` leaves the documents there, for protojson/main.go; `--seconds N` per document.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "base/log.h"
#include "otlp/json.h"
#include "wire/json_writer.h"

namespace {

using namespace stint;
using wire::JsonWriter;

template <typename Write>
void attribute(JsonWriter& json, std::string_view key, Write write) {
  json.begin_object().field("key", key).key("value").begin_object();
  write(json);
  json.end_object().end_object();
}
void text(JsonWriter& json, std::string_view key, std::string_view value) {
  attribute(json, key, [value](JsonWriter& one) { one.field("stringValue", value); });
}
void number(JsonWriter& json, std::string_view key, std::int64_t value) {
  attribute(json, key, [value](JsonWriter& one) { one.field("intValue", value); });
}

std::string hex(int seed, std::size_t digits) {
  std::string result;
  for (std::size_t i = 0; i < digits; ++i)
    result.push_back("0123456789abcdef"[(i * 7 + static_cast<std::size_t>(seed)) % 16]);
  return result;
}
std::string nanoseconds(int offset) { return concat("17168251234", 56'000'000 + offset); }

void resource(JsonWriter& json) {
  json.key("resource").begin_object().key("attributes").begin_array();
  text(json, "service.name", "checkout");
  text(json, "telemetry.sdk.language", "nodejs");
  text(json, "telemetry.sdk.name", "opentelemetry");
  text(json, "telemetry.sdk.version", "1.30.1");
  number(json, "process.pid", 4711);
  text(json, "process.executable.name", "/var/lang/bin/node");
  text(json, "faas.name", "my-function");
  text(json, "cloud.region", "eu-central-1");
  json.end_array().field("droppedAttributesCount", 0).end_object();
}

void span(JsonWriter& json, int i) {
  json.begin_object().field("traceId", hex(i, 32)).field("spanId", hex(i, 16)).field("parentSpanId", hex(i + 1, 16));
  json.field("name", "GET /api/orders/:id").field("kind", 3);
  json.field("startTimeUnixNano", nanoseconds(i)).field("endTimeUnixNano", nanoseconds(i + 1000));
  json.key("attributes").begin_array();
  text(json, "http.url", concat("http://localhost:8080/api/orders/", i, "?expand=items"));
  text(json, "http.method", "GET");
  text(json, "http.target", concat("/api/orders/", i));
  text(json, "net.peer.name", "localhost");
  number(json, "net.peer.port", 8080);
  number(json, "http.status_code", 200);
  text(json, "http.user_agent", "axios/1.6.8");
  attribute(json, "duration", [i](JsonWriter& one) { one.field("doubleValue", i * 0.37); });
  attribute(json, "cached", [](JsonWriter& one) { one.field("boolValue", false); });
  json.end_array().field("droppedAttributesCount", 0).key("events").begin_array().end_array();
  json.field("droppedEventsCount", 0).key("status").begin_object().field("code", 0).end_object();
  json.key("links").begin_array().end_array().field("droppedLinksCount", 0).field("flags", 257).end_object();
}

void log_record(JsonWriter& json, int i) {
  json.begin_object().field("timeUnixNano", nanoseconds(i)).field("observedTimeUnixNano", nanoseconds(i));
  json.field("severityNumber", 9).field("severityText", "info").key("body").begin_object();
  json.field("stringValue", concat("request \"", i, "\" done\nin ", i, " ms: {\"user\":\"a", i, "\",\"ok\":true}"));
  json.end_object().key("attributes").begin_array();
  text(json, "logger", "main");
  text(json, "note", "größer als 5 €");
  number(json, "attempt", i);
  json.end_array().field("droppedAttributesCount", 0).field("traceId", hex(i, 32)).field("spanId", hex(i, 16));
  json.field("flags", 1).end_object();
}

void histogram(JsonWriter& json, int i) {
  json.begin_object().key("attributes").begin_array();
  text(json, "http.method", "GET");
  number(json, "http.status_code", 200 + i);
  json.end_array().field("startTimeUnixNano", nanoseconds(0)).field("timeUnixNano", nanoseconds(i));
  json.field("count", i * 3).field("sum", i * 12.345).field("min", 0.125).field("max", i * 1.7);
  json.key("bucketCounts").begin_array();
  for (int bucket = 0; bucket < 16; ++bucket) json.integer(bucket * i % 50);
  json.end_array().key("explicitBounds").begin_array();
  for (const double bound : {0., 5., 10., 25., 50., 75., 100., 250., 500., 750., 1e3, 2500., 5e3, 7500., 1e4})
    json.real(bound);
  json.end_array().end_object();
}

struct Document {
  otlp::Signal signal;
  std::string json;
};

template <typename Item>
Document document(otlp::Signal signal, std::string_view list, std::string_view scopes, std::string_view items,
                  Item item) {
  Document result{signal, {}};
  JsonWriter json(result.json);
  json.begin_object().key(list).begin_array().begin_object();
  resource(json);
  json.key(scopes).begin_array().begin_object().key("scope").begin_object();
  json.field("name", "@opentelemetry/instrumentation-http").field("version", "0.57.2").end_object();
  json.key(items).begin_array();
  item(json);
  json.end_array().end_object().end_array().end_object().end_array().end_object();
  return result;
}

std::vector<Document> documents() {
  std::vector<Document> result;
  result.push_back(document(otlp::Signal::traces, "resourceSpans", "scopeSpans", "spans", [](JsonWriter& json) {
    for (int i = 0; i < 100; ++i) span(json, i);
  }));
  result.push_back(document(otlp::Signal::metrics, "resourceMetrics", "scopeMetrics", "metrics", [](JsonWriter& json) {
    json.begin_object().field("name", "http.server.duration").field("unit", "ms").key("histogram").begin_object();
    json.field("aggregationTemporality", 2).key("dataPoints").begin_array();
    for (int i = 0; i < 100; ++i) histogram(json, i);
    json.end_array().end_object().end_object();
  }));
  result.push_back(document(otlp::Signal::logs, "resourceLogs", "scopeLogs", "logRecords", [](JsonWriter& json) {
    for (int i = 0; i < 200; ++i) log_record(json, i);
  }));
  return result;
}

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

bool measure(const Document& document, double seconds) {
  BlockPool pool(64u << 20);
  std::string refusal;
  std::size_t rounds = 0, bytes = 0;
  const double start = cpu_seconds();
  double spent = 0;
  while (rounds == 0 || spent < seconds) {
    for (int i = 0; i < 20; ++i, ++rounds) {
      const auto request = otlp::decode_json(document.signal, document.json, pool, 32u << 20, refusal);
      if (!request) return std::fprintf(stderr, "%s\n", refusal.c_str()), false;
      bytes = request->protobuf.size();
    }
    spent = cpu_seconds() - start;
  }
  const double megabytes = static_cast<double>(rounds * document.json.size()) / 1e6;
  std::printf("%s.json %.1f MB per CPU second (%zu bytes of JSON, %zu of protobuf)\n",
              std::string(name(document.signal)).c_str(), megabytes / spent, document.json.size(), bytes);
  return true;
}

bool write(const Document& document, const std::string& directory) {
  const std::string path = concat(directory, "/", name(document.signal), ".json");
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return std::fprintf(stderr, "cannot write %s\n", path.c_str()), false;
  const std::size_t written = std::fwrite(document.json.data(), 1, document.json.size(), file);
  return std::fclose(file) == 0 && written == document.json.size();
}

}  // namespace

int main(int count, char** arguments) {
  double seconds = 2;
  std::string directory;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view option = arguments[i];
    if (option == "--seconds") seconds = std::atof(arguments[i + 1]);
    if (option == "--write") directory = arguments[i + 1];
  }
  if (count % 2 == 0) return std::fprintf(stderr, "usage: json-bench [--seconds N] [--write DIRECTORY]\n"), 2;
  for (const Document& document : documents()) {
    if (!(directory.empty() ? measure(document, seconds) : write(document, directory))) return 1;
  }
  return 0;
}
