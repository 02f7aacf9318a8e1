// SPDX-License-Identifier: Apache-2.0
// The root document: the guides' configurations, ids, pipelines, and every mistake with its line.
#include "config/service.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "documents.h"
#include "worlds.h"

namespace stint::config {
namespace {

struct Decoded {
  ServiceConfig config;
  std::string said;
};
Decoded decoded(std::string document) {
  World world(Variables{{"RECEIVERS", "[otlp]"}, {"ENDPOINT", "{endpoint: 'http://x'}"}, {"LEVEL", "warn"}});
  Decoded made;
  if (auto root = world.document(std::move(document)))
    made.config = decode_service(std::move(*root), world.diagnostics);
  made.said = world.said();
  return made;
}

std::string ids(const std::vector<ComponentReference>& references) {
  std::string text;
  for (const ComponentReference& reference : references)
    text.append(text.empty() ? "" : " ").append(reference.id.to_string());
  return text;
}

const std::string good_pipelines = "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}\n";

TEST(Guides, AreReadAsTheyStand) {
  struct Guide {
    std::string endpoint, authorization;
    bool with_logging;
  };
  const Guide guides[] = {
      {"\"<YOU_OTEL_COLLECTOR_HTTP_ENDPOINT>\"", "", false},
      {"\"<YOU_OTEL_COLLECTOR_HTTP_ENDPOINT>\"", "<YOUR_INGESTION_API_KEY>", false},
      {"\"https://in-otel.hyperdx.io\"", "<您的摄取_API_密钥>", true},
      {"\"<YOU_OTEL_COLLECTOR_HTTP_ENDPOINT>\"", "", true},
      {"\"<YOU_OTEL_COLLECTOR_HTTP_ENDPOINT>\"", "<YOUR_INGESTION_API_KEY>", true},
  };
  for (const Guide& guide : guides) {
    const Decoded made = decoded(guide_receivers() + (guide.with_logging ? "" : guide_processors()) +
                                 guide_exporters(guide.endpoint, guide.authorization, guide.with_logging) +
                                 guide_service(guide.with_logging));
    EXPECT_EQ(made.said, "");
    ASSERT_EQ(made.config.pipelines.size(), 3u);
    for (const PipelineConfig& pipeline : made.config.pipelines) {
      EXPECT_EQ(pipeline.id, name(pipeline.signal));
      EXPECT_EQ(ids(pipeline.receivers), "otlp");
      EXPECT_EQ(ids(pipeline.processors), "batch decouple");
      EXPECT_EQ(ids(pipeline.exporters), guide.with_logging ? "otlphttp logging" : "otlphttp");
    }
    const ComponentSection* const exporter = find_section(made.config.exporters, {"otlphttp", ""});
    ASSERT_NE(exporter, nullptr);
    EXPECT_EQ('"' + exporter->node.find("endpoint")->text + '"', guide.endpoint);
    EXPECT_EQ(find_section(made.config.processors, {"batch", ""}) != nullptr, !guide.with_logging);
    EXPECT_EQ(made.config.log_level, guide.with_logging ? std::optional(LogLevel::debug) : std::nullopt);
  }
}

TEST(Guides, AreRefusedAtTheLineOfAMissingQuote) {
  const Decoded made =
      decoded(guide_receivers() + guide_processors() +
              guide_exporters("\"<YOU_OTEL_COLLECTOR_HTTP_ENDPOINT>", "<YOUR_INGESTION_API_KEY>", false) +
              guide_service(false));
  EXPECT_EQ(made.said, "c.yaml:16: the quote opened here is never closed");
  const Decoded with_later_quotes = decoded(
      guide_receivers() + guide_exporters("\"<YOU_OTEL_COLLECTOR_HTTP_ENDPOINT>", "", true) + guide_service(true));
  EXPECT_TRUE(with_later_quotes.said.starts_with("c.yaml:14: the quote opened here ends only in line 20"))
      << with_later_quotes.said;
}

TEST(Guides, SayWhatADeploymentTemplateLacks) {
  EXPECT_EQ(
      decoded("Resources:\n  MyFunction:\n    Type: AWS::Serverless::Function\n    Properties:\n      Layers:\n"
              "        - arn:aws:lambda:{version}:418653438961:layer:rotel-extension-{arch}-alpha:{version}\n")
          .said,
      "c.yaml:1: Resources: unknown key; known here are receivers, processors, exporters, connectors, extensions, "
      "service\n"
      "c.yaml:1: service: this key is required: it holds the pipelines");
}

TEST(Service, KnowsTheLineOfEverything) {
  const Decoded made = decoded(
      "receivers:\n  otlp:\n  otlp/2: {x: 1}\nexporters:\n  debug:\nextensions:\n  basicauth:\n"
      "connectors:\n  spanmetrics:\n"
      "service:\n  extensions: [basicauth]\n  flush: end\n  pipelines:\n    logs/audit:\n"
      "      receivers:\n        - otlp\n        - otlp/2\n      exporters: [debug]\n");
  EXPECT_EQ(made.said, "");
  ASSERT_EQ(made.config.receivers.size(), 2u);
  EXPECT_EQ(made.config.receivers[1].id, (ComponentId{"otlp", "2"}));
  EXPECT_EQ(made.config.receivers[1].position.line, 3u);
  EXPECT_TRUE(made.config.receivers[0].node.is_null());
  EXPECT_EQ(shape(made.config.receivers[1].node), "{x: 1}");
  EXPECT_EQ(made.config.connectors.size(), 1u);
  EXPECT_EQ(ids(made.config.service_extensions), "basicauth");
  EXPECT_EQ(made.config.flush, FlushPolicy{FlushKind::end});
  ASSERT_EQ(made.config.pipelines.size(), 1u);
  EXPECT_EQ(made.config.pipelines[0].signal, PipelineSignal::logs);
  EXPECT_EQ(made.config.pipelines[0].id, "logs/audit");
  EXPECT_EQ(made.config.pipelines[0].position.line, 14u);
  EXPECT_EQ(made.config.pipelines[0].receivers[1].position.line, 17u);
}

TEST(Service, TakesListsAndSectionsFromExpansions) {
  const Decoded made = decoded(
      "exporters: {otlphttp: '${env:ENDPOINT}'}\nservice:\n  telemetry: {logs: {level: '${LEVEL}'}}\n"
      "  pipelines::traces:\n    receivers: ${env:RECEIVERS}\n    exporters: [otlphttp]\n");
  EXPECT_EQ(made.said, "");
  EXPECT_EQ(made.config.exporters.at(0).node.find("endpoint")->text, "http://x");
  EXPECT_EQ(ids(made.config.pipelines.at(0).receivers), "otlp");
  EXPECT_EQ(made.config.log_level, LogLevel::warn);
}

TEST(Service, AcceptsTheReferencesOwnTelemetryInSilence) {
  const Decoded made = decoded(
      "service:\n  telemetry:\n    logs: {level: INFO, encoding: json, output_paths: [stdout], disable_caller: true,\n"
      "      disable_stacktrace: true, initial_fields: {a: b}, sampling: {enabled: true, tick: 10s, initial: 10},\n"
      "      processors: [{batch: {}}]}\n"
      "    metrics: {level: none, readers: [{pull: {}}], views: []}\n    traces: {propagators: [b3], level: none}\n"
      "    resource: {service.name: x, service.version: ~}\n"
      "  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}\n");
  EXPECT_EQ(made.said, "");
  EXPECT_EQ(made.config.log_level, LogLevel::info);
  EXPECT_FALSE(made.config.flush);
}

TEST(Service, SaysWhatIsWrong) {
  const std::pair<std::string, const char*> cases[] = {
      {"x-anchors: {}\n" + good_pipelines,
       "c.yaml:1: x-anchors: unknown key; known here are receivers, processors, exporters, connectors, extensions, "
       "service"},
      {"recievers: {}\n" + good_pipelines,
       "c.yaml:1: recievers: unknown key; known here are receivers, processors, exporters, connectors, extensions, "
       "service; did you mean 'receivers'?"},
      {"receivers: [otlp]\n" + good_pipelines, "c.yaml:1: receivers: expected a map of component ids, found a list"},
      {"receivers: {1x: }\n" + good_pipelines,
       "c.yaml:1: receivers::1x: '1x' is no component id; it is type or type/name, where the type begins with a letter "
       "and has letters, digits and underscores"},
      {"receivers: {otlp/: }\n" + good_pipelines,
       "c.yaml:1: receivers::otlp/: 'otlp/' is no component id: after the slash a name without spaces must follow"},
      {"receivers:\n  otlp/a:\n  otlp / a:\n" + good_pipelines,
       "c.yaml:3: receivers::otlp / a: this id is already there, written differently"},
      {"receivers:\n", "c.yaml:1: service: this key is required: it holds the pipelines"},
      {"service:\n",
       "c.yaml:1: service::pipelines: at least one pipeline is required, such as traces: with receivers and "
       "exporters"},
      {"service: {pipelines: {}}\n",
       "c.yaml:1: service::pipelines: at least one pipeline is required, such as traces: "
       "with receivers and exporters"},
      {"service: x\n", "c.yaml:1: service: expected a map of keys, found the text 'x'"},
      {"service: {pipelines: [traces]}\n", "c.yaml:1: service::pipelines: expected a map of pipelines, found a list"},
      {"service: {pipelines: {traces: }}\n",
       "c.yaml:1: service::pipelines::traces: expected a map with receivers, processors and exporters, found nothing"},
      {"service: {pipelines: {profiles: {receivers: [a], exporters: [b]}}}\n",
       "c.yaml:1: service::pipelines::profiles: 'profiles' is no signal; a pipeline is called traces, metrics or logs, "
       "perhaps with /name"},
      {"service: {pipelines: {traces: {receivers: otlp, exporters: [b]}}}\n",
       "c.yaml:1: service::pipelines::traces::receivers: expected a list of component ids, found the text 'otlp'; "
       "write "
       "[otlp]"},
      {"service: {pipelines: {traces: {receivers: [{a: b}], exporters: [b]}}}\n",
       "c.yaml:1: service::pipelines::traces::receivers[0]: expected a component id, found a map"},
      {"service: {pipelines: {traces: {receivers: [a], exporters: []}}}\n",
       "c.yaml:1: service::pipelines::traces::exporters: a pipeline needs at least one; write exporters: [ID]"},
      {"service: {pipelines: {traces: {exporters: [b]}}}\n",
       "c.yaml:1: service::pipelines::traces::receivers: a pipeline needs at least one; write receivers: [ID]"},
      {"service: {pipelines: {traces: {receivers: [a], processors: [p, q, p], exporters: [b]}}}\n",
       "c.yaml:1: service::pipelines::traces::processors[2]: 'p' is already in this list"},
      {"service: {pipelines: {traces: {receivers: [a], procesors: [p], exporters: [b]}}}\n",
       "c.yaml:1: service::pipelines::traces::procesors: unknown key; a pipeline has receivers, processors and "
       "exporters; "
       "did you mean 'processors'?"},
      {"service:\n  telemetry: {logs: {level: loud}}\n  pipelines: {traces: {receivers: [a], exporters: [b]}}\n",
       "c.yaml:2: service::telemetry::logs::level: expected one of debug, info, warn, error, fatal, found the text "
       "'loud'"},
      {"service:\n  telemetry: {metrics: {level: all}}\n  pipelines: {traces: {receivers: [a], exporters: [b]}}\n",
       "c.yaml:2: service::telemetry::metrics::level: expected one of none, basic, normal, detailed, found the text "
       "'all'"},
      {"service:\n  telemetry: {metrics: {address: ':8888'}}\n  pipelines: {traces: {receivers: [a], exporters: "
       "[b]}}\n",
       "warning: c.yaml:2: service::telemetry::metrics::address: this key has no effect here"},
      {"service:\n  flush: never\n  pipelines: {traces: {receivers: [a], exporters: [b]}}\n",
       "c.yaml:2: service::flush: expected adaptive, end, continuous or periodic, the last three also with an interval "
       "in milliseconds (periodic,20000), found the text 'never'"},
      {"service:\n  pipelnes: {}\n  pipelines: {traces: {receivers: [a], exporters: [b]}}\n",
       "c.yaml:2: service::pipelnes: unknown key; did you mean 'pipelines'?"},
  };
  for (const auto& [document, expected] : cases) EXPECT_EQ(decoded(document).said, expected) << document;
}

TEST(Service, ReportsAllErrorsAtOnce) {
  const Decoded made = decoded(
      "extra: 1\nservice:\n  flush: never\n  pipelines:\n    spans: {}\n    traces:\n"
      "      receivers: otlp\n      exporters: [debug, debug]\n    logs:\n");
  EXPECT_EQ(std::count(made.said.begin(), made.said.end(), '\n'), 5) << made.said;
}

TEST(ComponentId, HasTypeAndName) {
  std::string wrong;
  EXPECT_EQ(parse_component_id("otlp", wrong), (ComponentId{"otlp", ""}));
  EXPECT_EQ(parse_component_id("otlp_http/a b", wrong), std::nullopt);
  EXPECT_EQ(parse_component_id(" otlp / x ", wrong), (ComponentId{"otlp", "x"}));
  EXPECT_EQ(parse_component_id("otlp/a/b", wrong), (ComponentId{"otlp", "a/b"}));
  EXPECT_EQ(parse_component_id(std::string(63, 'a'), wrong)->type.size(), 63u);
  for (const std::string& text : {std::string(), std::string("/a"), std::string("1a"), std::string("a-b"),
                                  std::string(64, 'a'), "a/" + std::string(1025, 'n'), std::string("a/\x01")})
    EXPECT_EQ(parse_component_id(text, wrong), std::nullopt) << text;
}

TEST(Service, DocumentsItself) {
  const std::string rows = service_markdown_rows();
  EXPECT_NE(rows.find("| `service.flush` | string | `adaptive` |"), std::string::npos) << rows;
  EXPECT_NE(rows.find("| `service.telemetry.logs.level` |"), std::string::npos) << rows;
}

}  // namespace
}  // namespace stint::config
