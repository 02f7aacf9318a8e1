// SPDX-License-Identifier: Apache-2.0
#include "sim/collector.h"

#include <gtest/gtest.h>

#include "components.h"
#include "config/expand.h"
#include "lambda/registration.h"

namespace stint::sim {
namespace {

constexpr const char* configuration_path = "/opt/collector-config/config.yaml";

// The blocking calls before the loop, which take no simulated time.
class SimulatedTransport final : public lambda::ByteTransport {
 public:
  explicit SimulatedTransport(SimulatedLoop& loop) : loop_(loop) {}
  SimulatedTransport(const SimulatedTransport&) = delete;
  SimulatedTransport& operator=(const SimulatedTransport&) = delete;
  ~SimulatedTransport() override {
    if (handle_ != no_handle) loop_.close(handle_);
  }
  Result<> connect(const Address& address) override {
    Result<Handle> opened = loop_.open_stream(address);
    if (!opened) return opened.error();
    handle_ = *opened;
    return loop_.connect_at_once(handle_, address);
  }
  Result<> write(std::string_view bytes) override { return loop_.write_at_once(handle_, bytes); }
  Handle release() override { return std::exchange(handle_, no_handle); }

 private:
  SimulatedLoop& loop_;
  Handle handle_ = no_handle;
};

}  // namespace

CollectorProcess::CollectorProcess(Network& network, CollectorSettings settings, MemoryDisk& disk, NameServer& names)
    : Process(network, "collector"),
      settings_(std::move(settings)),
      disk_(disk),
      environment_(settings_.environment),
      pool_(settings_.memory_bytes_max * (settings_.defect == Defect::takes_more_memory ? 8 : 1),
            limits::http_body_bytes_max),
      resolver_(runtime, names),
      context_{runtime, pool_, copies_, data_, changed_, environment_, &watch_} {
  runtime.set_resolver(&resolver_);
}

CollectorProcess::~CollectorProcess() = default;

bool CollectorProcess::load_configuration() {
  const config::FixedFiles files({{configuration_path, settings_.configuration}});
  const config::EnvProvider env(environment_);
  const config::FileProvider file(files);
  const config::YamlProvider yaml;
  const config::Provider* const providers[] = {&env, &file, &yaml};
  std::optional<config::Node> root = config::load(configuration_path, providers, diagnostics_);
  if (root) service_ = config::decode_service(std::move(*root), diagnostics_);
  std::unique_ptr<Journal> journal;
  if (const JournalSettings chosen = journal_settings(environment_, true); !chosen.path.empty()) {
    journal = std::make_unique<Journal>(runtime, data_, journal_file(settings_.journal_path), chosen.bytes_max);
  }
  if (!diagnostics_.has_errors()) {
    graph_ = Graph::make(service_, component_table(), context_, diagnostics_, std::move(journal));
  }
  if (graph_ == nullptr) error_ = diagnostics_.errors_text();
  return graph_ != nullptr;
}

std::unique_ptr<JournalFile> CollectorProcess::journal_file(const std::string& path) {
  if (!path.empty()) return make_journal_file(path);
  return std::make_unique<MemoryJournalFile>(disk_, [this] { return !loop.abandoned(); });
}

bool CollectorProcess::begin() {
  const Result<lambda::ApiEndpoint> endpoint = lambda::parse_api_endpoint(settings_.runtime_api);
  SimulatedTransport transport(loop);
  const lambda::RegisterRequest request{endpoint->authority, name(), lambda::is_managed_instances(environment_)};
  const Result<Handle> connection = lambda::connect_and_register(transport, *endpoint, request);
  if (!connection) {
    exit_code = 1;
    return false;
  }
  load_configuration();
  lambda::LifeCycleSettings settings = lambda::life_cycle_settings(environment_, service_.flush, service_.end_by_span);
  settings.watch = &watch_;
  settings.account_id_path.clear();  // there are no files
  life_ =
      std::make_unique<lambda::LifeCycle>(runtime, pool_, copies_, data_, *endpoint, *connection, std::move(settings));
  runtime.begin(live());
  do_wrong();
  return true;
}

void CollectorProcess::do_wrong() {
  if (settings_.defect == Defect::keeps_a_block) {
    Result<Block> block = pool_.allocate(1);
    kept_ = std::move(*block);
  }
  if (settings_.defect == Defect::keeps_a_socket) kept_handle_ = *loop.open_stream(Address::ipv4_loopback(1));
}

Task<> CollectorProcess::live() {
  if (graph_ != nullptr) {
    exit_code = co_await life_->run(*graph_, &signals_);
  } else {
    exit_code = co_await life_->run_idle(error_, &signals_);
  }
}

void CollectorProcess::ended() {
  EXPECT_EQ(loop.operations_in_flight(), 0u) << "the collector left operations in flight";
  life_.reset();
  graph_.reset();
  EXPECT_EQ(loop.open_handles(), 0u) << "the collector left sockets open";
  EXPECT_EQ(pool_.blocks_in_use(), 0u) << "the collector left blocks behind";
  if (kept_handle_ != no_handle) loop.close(kept_handle_);
  kept_.reset();
  if (loop.abandoned()) return;
  EXPECT_EQ((data_.accepted + data_.recovered) * settings_.exporters, data_.delivered + data_.dropped_total())
      << "items without a fate";
}

}  // namespace stint::sim
