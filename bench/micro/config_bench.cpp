// SPDX-License-Identifier: Apache-2.0
// The cold path's reading: the usual collector.yaml from text to checked components.
#include "bench/micro/data.h"
#include "bench/micro/measured.h"
#include "config/expand.h"
#include "config/yaml.h"
#include "exporters/otlphttp.h"
#include "pipeline/graph.h"
#include "processors/batch.h"
#include "processors/decouple.h"
#include "receivers/otlp.h"

namespace stint::bench {
namespace {

constexpr ReceiverType receiver_types[] = {receiver_type<OtlpReceiver>("otlp", "")};
constexpr ProcessorType processor_types[] = {processor_type<BatchProcessor>("batch", ""),
                                             processor_type<DecoupleProcessor>("decouple", "")};
constexpr ExporterType exporter_types[] = {exporter_type<OtlpHttpExporter>("otlphttp", "")};
constexpr ComponentTable table{receiver_types, processor_types, exporter_types};

void yaml_parsed(benchmark::State& state) {
  const std::string text = usual_collector_yaml();
  Measured measured(state);
  for (auto _ : state) {
    config::Diagnostics diagnostics;
    config::TreeBudget budget;
    benchmark::DoNotOptimize(config::parse_yaml(text, 0, budget, diagnostics)->entries.size());
  }
  measured.rates(text.size(), 0);
}
BENCHMARK(yaml_parsed);

void configuration_checked(benchmark::State& state) {
  const std::string text = usual_collector_yaml();
  const config::FixedEnvironment environment({{"BACK_END", "http://backend:4318"}, {"TOKEN", "secret"}});
  const config::FixedFiles files({{"collector.yaml", text}});
  const config::EnvProvider env(environment);
  const config::FileProvider file(files);
  const config::Provider* const providers[] = {&env, &file};
  Measured measured(state);
  for (auto _ : state) {
    config::Diagnostics diagnostics;
    std::optional<config::Node> root = config::load("collector.yaml", providers, diagnostics);
    const config::ServiceConfig service = config::decode_service(std::move(*root), diagnostics);
    Graph::check(service, table, diagnostics);
    if (diagnostics.has_errors()) state.SkipWithError(diagnostics.errors_text().c_str());
  }
  measured.rates(text.size(), 0);
}
BENCHMARK(configuration_checked);

}  // namespace
}  // namespace stint::bench
