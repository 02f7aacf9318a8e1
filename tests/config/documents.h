// SPDX-License-Identifier: Apache-2.0
// The configurations that users' guides give, put together from their parts; placeholders as they stand there.
#pragma once

#include <string>

namespace stint::config {

inline std::string guide_receivers() {
  return "# collector.yaml {#collectoryaml}\n"
         "receivers:\n"
         "  otlp:\n"
         "    protocols:\n"
         "      grpc:\n"
         "        endpoint: 'localhost:4317'\n"
         "      http:\n"
         "        endpoint: 'localhost:4318'\n"
         "\n";
}

inline std::string guide_processors() {
  return "processors:\n"
         "  batch:\n"
         "  decouple:\n"
         "\n";
}

/// `endpoint` with its quotes, `authorization` bare; an empty one is left out.
inline std::string guide_exporters(const std::string& endpoint, const std::string& authorization, bool with_logging) {
  std::string text = "exporters:\n";
  if (with_logging) text += "  logging:\n    verbosity: detailed\n";
  text += "  otlphttp:\n    endpoint: " + endpoint + "\n";
  if (!authorization.empty()) text += "    headers:\n      authorization: " + authorization + "\n";
  return text + "    compression: gzip\n\n";
}

inline std::string guide_service(bool with_logging) {
  std::string text = "service:\n";
  if (with_logging) text += "  telemetry:\n    logs:\n      level: \"debug\"\n";
  text += "  pipelines:\n";
  for (const char* signal : {"traces", "metrics", "logs"}) {
    text += std::string("    ") + signal + ":\n      receivers: [otlp]\n      processors: [batch, decouple]\n" +
            "      exporters: [" + (with_logging ? "otlphttp, logging" : "otlphttp") + "]\n";
  }
  return text;
}

}  // namespace stint::config
