// SPDX-License-Identifier: Apache-2.0
// The command local-lambda: real sockets, processes and time around the platform's state machine. It initialises the
// environment, runs the invocations one after the other or several at once, shuts down, and says what came in and what
// it cost.
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/log.h"
#include "runtime/epoll_loop.h"
#include "tools/lambda/api_server.h"
#include "tools/lambda/costs.h"
#include "tools/lambda/options.h"
#include "tools/lambda/otlp_printer.h"
#include "tools/lambda/private_world.h"

namespace stint::platform {
namespace {

constexpr std::size_t memory_bytes_max = 1u << 30;
// A held next is a request under way and has no limit; between two calls a runtime may be frozen for as long.
constexpr net::HttpServerSettings server_settings{.connections_max = 1024, .idle_max = Seconds(86'400)};

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 60) return size.ws_col;
  return 140;
}

// What lies in the sandbox's /tmp outlives its processes, and ends with it. Where /tmp itself is not the sandbox's own,
// TMPDIR says where that is.
class SandboxDirectory {
 public:
  explicit SandboxDirectory(bool needed) {
    char path[] = "/tmp/local-lambda-sandbox-XXXXXX";
    if (needed && ::mkdtemp(path) != nullptr) path_ = path;
  }
  SandboxDirectory(const SandboxDirectory&) = delete;
  SandboxDirectory& operator=(const SandboxDirectory&) = delete;
  ~SandboxDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What every process of the sandbox sees besides its own variables.
Variables base_environment(const std::string& temporary_directory) {
  const char* const path = std::getenv("PATH");
  Variables variables = {{"PATH", path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path},
                         {"LANG", "en_US.UTF-8"},
                         {"TZ", ":UTC"},
                         {"AWS_ACCESS_KEY_ID", "AKIALOCALLAMBDA"},
                         {"AWS_SECRET_ACCESS_KEY", "local"},
                         {"AWS_SESSION_TOKEN", "local"}};
  if (!temporary_directory.empty()) variables.emplace_back("TMPDIR", temporary_directory);
  return variables;
}

// Everything that lives while the loop runs. Members are in the order of their dependence.
class LocalLambda : public Watcher {
 public:
  explicit LocalLambda(Options options)
      : options_(std::move(options)),
        runtime_(loop_),
        pool_(memory_bytes_max),
        deliver_(runtime_, pool_, copies_),
        directory_(options_.temporary_directory.empty()),
        processes_(runtime_, base_environment(directory_.path())),
        costs_(options_, processes_),
        changed_(runtime_),
        api_(runtime_),
        api_server_(runtime_, pool_, copies_, api_, server_settings),
        backend_(runtime_, pool_, options_.backend_settings, [this](const auto& received) { print(received); }),
        backend_server_(runtime_, pool_, copies_, backend_, server_settings) {}

  /// Returns the exit status.
  int run() {
    Task<> main = live();
    runtime_.run(std::move(main));
    if (interrupted_) return 130;
    return costs_.all_succeeded() ? 0 : 1;
  }

  std::string report() const {
    JsonWriter json;
    json.open('{').field("function", options_.platform.function.name);
    json.field("mode", initialization_type(options_.platform.mode));
    costs_.write_report(json);
    json.key("backend");
    backend_.write_report(json);
    json.close('}');
    return json.take();
  }

  std::string costs_text() const { return costs_.text(); }

 private:
  void mark(const Mark& mark) override {
    costs_.mark(mark);
    changed_.notify_all();
  }
  void invocation_ended(const InvocationOutcome& outcome) override {
    costs_.invocation_ended(outcome);
    ++ended_;
    changed_.notify_all();
  }
  void event(EpochTime time, std::string_view type, std::string_view record) override {
    costs_.event(time, type, record);
  }

  void print(const OtlpBackend::Received& received) {
    if (options_.quiet) return;
    std::fputs(print_request(received.signal, received.request, {terminal_width()}).c_str(), stdout);
  }

  Result<std::uint16_t> listen(net::HttpServer& server, std::uint16_t port) {
    Result<Listener> listener = Listener::open(runtime_, Address::ipv4_loopback(port));
    if (!listener) return listener.error();
    const Result<Address> address = listener->address();
    if (!address) return address.error();
    server.serve(std::move(*listener));
    return address->port();
  }

  // False: said why.
  bool open_ports() {
    const Result<std::uint16_t> port = listen(api_server_, 0);
    if (!port) return say("no port for the runtime API: ", to_string(port.error()));
    options_.platform.runtime_api = concat("127.0.0.1:", *port);
    if (!options_.backend) return true;
    const Result<std::uint16_t> backend = listen(backend_server_, options_.backend_port);
    if (!backend) return say("port ", options_.backend_port, " for the back end: ", to_string(backend.error()));
    options_.platform.function.environment.emplace_back("STINT_BACKEND_ENDPOINT",
                                                        concat("http://127.0.0.1:", *backend));
    return true;
  }

  template <typename... Parts>
  static bool say(const Parts&... parts) {
    std::fprintf(stderr, "local-lambda: %s\n", concat(parts...).c_str());
    return false;
  }

  Task<> live() {
    Scope scope(runtime_);
    if (options_.platform.seed == 0) {
      loop_.fill_entropy({reinterpret_cast<char*>(&options_.platform.seed), sizeof options_.platform.seed});
    }
    if (open_ports()) {
      platform_ = std::make_unique<Platform>(options_.platform, processes_, deliver_, api_, *this);
      api_.set_platform(*platform_);
      processes_.set_listener(api_);
      deliver_.set_listener(api_);
      deliver_.set_observer([this](std::string_view body) { costs_.delivery(body); });
      scope.spawn(watch_signals());
      for (const Kill& kill : options_.kills) scope.spawn(play(kill));
      co_await drive();
    }
    scope.cancel();
    co_await scope.join();
    processes_.kill_all();
    co_await processes_.join();
    co_await deliver_.stop();
    co_await api_server_.stop(Nanoseconds(0));
    co_await backend_server_.stop(Nanoseconds(0));
  }

  Task<> drive() {
    api_.start();
    co_await until_another_can_run();
    for (int i = 0; i < options_.invocations && !interrupted_; ++i) {
      if (i > 0 && options_.gap > Nanoseconds(0)) (void)co_await runtime_.sleep(options_.gap);
      co_await until_another_can_run();
      if (interrupted_) co_return;
      Invocation invocation;
      invocation.event =
          options_.events[std::min<std::size_t>(static_cast<std::size_t>(i), options_.events.size() - 1)];
      api_.invoke(std::move(invocation));
      co_await until_another_can_run();
    }
    while (!platform_->idle() && !interrupted_) (void)co_await changed_.wait();
    if (interrupted_) co_return;
    api_.shutdown();
    while (platform_->phase() != Phase::ended && !interrupted_) (void)co_await changed_.wait();
  }

  Task<> until_another_can_run() {
    while (!platform_->can_invoke() && !interrupted_) (void)co_await changed_.wait();
  }

  Task<> play(Kill kill) {
    const auto number = static_cast<std::size_t>(kill.invocation);
    while (costs_.invocations().size() < number) {
      const Result<> waited = co_await changed_.wait();
      if (!waited) co_return;
    }
    const Result<> slept = co_await runtime_.sleep(kill.after);
    if (slept && ended_ < kill.invocation) api_.out_of_memory(kill.victim);
  }

  Task<> watch_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, signal);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    Stream stream(runtime_, ::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC), true);
    signalfd_siginfo info{};
    const Result<std::size_t> size = co_await stream.receive(reinterpret_cast<char*>(&info), sizeof info);
    if (!size) co_return;
    interrupted_ = true;
    changed_.notify_all();
  }

  Options options_;
  EpollLoop loop_;
  Runtime runtime_;
  BlockPool pool_;
  CopyCounters copies_;
  RealDeliver deliver_;
  SandboxDirectory directory_;
  RealProcesses processes_;
  Costs costs_;
  Notifier changed_;
  ApiServer api_;
  net::HttpServer api_server_;
  OtlpBackend backend_;
  net::HttpServer backend_server_;
  std::unique_ptr<Platform> platform_;
  int ended_ = 0;
  bool interrupted_ = false;
};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

bool enter_world(const Options& options) {
  const bool demanded = options.private_network || !options.temporary_directory.empty();
  const Result<> entered = enter_private_world({options.private_network, options.temporary_directory});
  if (entered) return true;
  std::fprintf(stderr, "local-lambda: no private namespaces (%s)%s\n", to_string(entered.error()).c_str(),
               demanded ? "" : ": the name sandbox.localdomain may be unknown to the extensions");
  return !demanded;
}

int run(const std::vector<std::string>& arguments) {
  std::variant<Options, std::string> parsed = parse_options(arguments);
  if (const std::string* const wrong = std::get_if<std::string>(&parsed)) {
    std::fprintf(stderr, "local-lambda: %s\n\n%s", wrong->c_str(), std::string(usage()).c_str());
    return 2;
  }
  Options options = std::get<Options>(std::move(parsed));
  // Opened before the view of the machine changes.
  const File report(options.json_report.empty() ? nullptr : std::fopen(options.json_report.c_str(), "we"));
  if (report == nullptr && !options.json_report.empty()) {
    std::perror(options.json_report.c_str());
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (!enter_world(options)) return 2;
  LocalLambda lambda(std::move(options));
  const int status = lambda.run();
  std::fputs(lambda.costs_text().c_str(), stdout);
  if (report != nullptr) {
    std::fprintf(report.get(), "%s\n", lambda.report().c_str());
  }
  return status;
}

}  // namespace
}  // namespace stint::platform

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  for (const std::string& argument : arguments) {
    if (argument != "--help" && argument != "-h") continue;
    std::fputs(std::string(stint::platform::usage()).c_str(), stdout);
    return 0;
  }
  return stint::platform::run(arguments);
}
