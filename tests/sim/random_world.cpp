// SPDX-License-Identifier: Apache-2.0
#include "sim/random_world.h"

#include <gtest/gtest.h>

#include <array>
#include <span>

#include "base/log.h"

namespace stint::sim {
namespace {

template <typename Values>
const auto& one_of(Random& random, const Values& values) {
  return values[random.below(std::size(values))];
}

// How a back end behaves for a while: permille of each reaction; what is left is a success.
struct Mood {
  const char* name;
  unsigned busy;      // 503 or 429, now and then with Retry-After
  unsigned rejects;   // 400
  unsigned resets;    // without having taken anything
  unsigned takes;     // takes, then resets
  unsigned ends;      // without an answer
  unsigned hangs;     // for an hour
  Nanoseconds delay;  // at most, of each answer
};

constexpr Mood moods[] = {
    {"well", 0, 0, 0, 0, 0, 0, Milliseconds(5)},
    {"near", 0, 0, 0, 0, 0, 0, Nanoseconds::zero()},
    {"slow", 0, 0, 0, 0, 0, 0, Milliseconds(1500)},
    {"busy", 700, 0, 0, 0, 0, 0, Milliseconds(50)},
    {"down", 1000, 0, 0, 0, 0, 0, Milliseconds(5)},
    {"strict", 0, 400, 0, 0, 0, 0, Milliseconds(20)},
    {"flaky", 100, 0, 200, 100, 200, 0, Milliseconds(100)},
    {"broken", 0, 0, 500, 0, 500, 0, Milliseconds(20)},
    {"hanging", 0, 0, 0, 0, 0, 700, Milliseconds(10)},
    {"dead", 0, 0, 0, 0, 0, 1000, Nanoseconds::zero()},
    {"anything", 150, 100, 100, 100, 100, 100, Milliseconds(400)},
};

Reaction draw_reaction(Random& random, const Mood& mood) {
  constexpr const char* retry_after[] = {"", "", "0", "1", "3", "120", "soon", "Fri, 31 Dec 1999 23:59:59 GMT"};
  Reaction reaction;
  reaction.delay = random.between(Nanoseconds::zero(), mood.delay);
  std::uint64_t drawn = random.below(1000);
  const auto is = [&](unsigned permille) {
    const bool hit = drawn < permille;
    drawn -= hit ? 0 : permille;
    return hit;
  };
  if (is(mood.busy)) {
    constexpr int statuses[] = {503, 429, 502, 504};
    reaction.status = one_of(random, statuses);
    reaction.retry_after = one_of(random, retry_after);
  } else if (is(mood.rejects)) {
    reaction.status = 400;
  } else if (is(mood.resets)) {
    reaction.kind = Reaction::Kind::reset;
  } else if (is(mood.takes)) {
    reaction.kind = Reaction::Kind::take_and_reset;
  } else if (is(mood.ends)) {
    reaction.kind = Reaction::Kind::end_without_answer;
  } else if (is(mood.hangs)) {
    reaction.delay = std::chrono::hours(1);
  }
  return reaction;
}

std::string draw_exporter(Random& random) {
  constexpr const char* compressions[] = {"gzip", "none"};
  constexpr const char* timeouts[] = {"1s", "5s", "10s", "300ms"};
  constexpr const char* retries[] = {
      "{initial_interval: 100ms, max_interval: 1s}", "{initial_interval: 1s, max_interval: 5s}",
      "{initial_interval: 5s, max_interval: 30s}", "{initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 0}",
      "{initial_interval: 500ms, max_interval: 2s, max_elapsed_time: 3s}"};
  const char* const retry = random.chance(70) ? "{enabled: false}" : one_of(random, retries);
  return concat("timeout: ", one_of(random, timeouts), ", compression: ", one_of(random, compressions),
                ", retry_on_failure: ", retry);
}

// Two back ends only behind a queue of each: a sender that waits for both is told of one's trouble alone.
std::string draw_configuration(Random& random, std::size_t back_ends, bool grpc) {
  constexpr const char* chains[] = {"[batch, decouple]", "[decouple]", "[batch]", "[decouple, batch]", "[]"};
  const char* const chain = chains[random.below(back_ends > 1 ? 4 : 5)];
  constexpr const char* batches[] = {"", "", "{timeout: 50ms, send_batch_size: 10}",
                                     "{timeout: 2s, send_batch_size: 50, send_batch_max_size: 60}", "{timeout: 0s}"};
  std::string text = "receivers: {otlp: {protocols: {http: {endpoint: \"localhost:4318\"}}}}\n";
  text += concat("processors:\n  batch: ", one_of(random, batches),
                 "\n  decouple:", random.chance(150) ? " {max_queue_size: 3}" : "", "\nexporters:\n");
  const std::string_view exporter = grpc ? "otlp" : "otlphttp";
  const std::uint16_t port = grpc ? BackEndProcess::grpc_port : BackEndProcess::http_port;
  for (std::size_t i = 0; i < back_ends; ++i) {
    const std::string there = concat(grpc ? "" : "http://", BackEndProcess::address(i, port).to_string());
    text += concat("  ", exporter, "/", i, ": {endpoint: \"", there, "\", ", draw_exporter(random),
                   grpc ? ", tls: {insecure: true}" : "", "}\n");
  }
  text += "service:\n  pipelines:\n";
  for (const otlp::Signal signal : otlp::all_signals) {
    text += concat("    ", otlp::name(signal), ": {receivers: [otlp], processors: ", chain, ", exporters: [", exporter,
                   "/0", back_ends > 1 ? concat(", ", exporter, "/1") : "", "]}\n");
  }
  return text;
}

Export draw_export(Random& random) {
  Export one;
  one.signal = one_of(random, otlp::all_signals);
  one.items = 1 + random.below(random.chance(100) ? 800 : 12);
  constexpr Nanoseconds pauses[] = {Nanoseconds::zero(), Nanoseconds::zero(), Milliseconds(1), Milliseconds(40)};
  one.after = random.between(Nanoseconds::zero(), one_of(random, pauses));
  one.beside = random.chance(250);
  return one;
}

FunctionPlan draw_function(Random& random, std::size_t invocations) {
  FunctionPlan plan;
  for (std::size_t n = random.below(3); n > 0; --n) plan.at_init.push_back(draw_export(random));
  constexpr Nanoseconds works[] = {Nanoseconds::zero(), Milliseconds(5), Milliseconds(200), Seconds(2)};
  for (std::size_t i = 0; i < invocations; ++i) {
    Invoked invoked;
    invoked.work = random.between(Nanoseconds::zero(), one_of(random, works));
    for (std::size_t n = random.below(6); n > 0; --n) invoked.exports.push_back(draw_export(random));
    invoked.hangs = random.chance(30);
    invoked.exits = !invoked.hangs && random.chance(30);
    plan.invocations.push_back(std::move(invoked));
  }
  return plan;
}

void draw_network(Random& random, NetworkSettings& network) {
  constexpr std::size_t buffers[] = {64u << 10, 64u << 10, 4096, 600};
  constexpr unsigned chances[] = {0, 250, 700};
  network.buffer_bytes = one_of(random, buffers);
  network.short_permille = one_of(random, chances);
  network.at_once_permille = one_of(random, chances);
  network.latency_max = random.between(network.latency_min, Milliseconds(4));
  network.ipv6 = random.chance(500);
}

void draw_platform(Random& random, WorldSettings& settings) {
  constexpr platform::Mode modes[] = {platform::Mode::on_demand,  platform::Mode::on_demand,
                                      platform::Mode::on_demand,  platform::Mode::provisioned_concurrency,
                                      platform::Mode::snap_start, platform::Mode::managed_instances};
  settings.platform.mode = one_of(random, modes);
  if (random.chance(200)) settings.platform.telemetry = platform::TelemetrySupport::not_supported;
  settings.clock_stops_in_freeze = settings.platform.mode == platform::Mode::snap_start || random.chance(300);
  // Long enough for every export of an invocation to be given up by its sender.
  settings.platform.function.timeout = Seconds(90);
}

void draw_faults(Random& random, WorldSettings& settings) {
  constexpr Fault::Kind kinds[] = {Fault::Kind::error, Fault::Kind::reset, Fault::Kind::kill};
  constexpr std::uint64_t calls[] = {40, 300, 3000};
  if (!random.chance(600)) return;
  settings.faults.resize(1 + random.below(3));
  for (std::vector<Fault>& faults : settings.faults) {
    for (std::size_t n = random.below(4); n > 0; --n) {
      const Fault fault{random.below(one_of(random, calls)), one_of(random, kinds)};
      std::erase_if(faults, [&](const Fault& other) { return other.call == fault.call; });
      faults.push_back(fault);
    }
  }
}

/// The steps.
class Player {
 public:
  Player(std::uint64_t seed, World& world, std::size_t back_ends) : random_(seed ^ 0x57e95), world_(world) {
    for (std::size_t i = 0; i < back_ends; ++i) {
      moods_[i] = &moods[random_.below(2)];
      world_.back_end(i).drawn = [this, i] { return draw_reaction(random_, *moods_[i]); };
    }
    back_ends_ = back_ends;
  }

  void play(std::size_t invocations) {
    maybe_change_mood();
    (void)world_.initialise(Seconds(60));
    const bool often = invocations > 20;  // as `adaptive` sees it
    for (std::size_t i = 0; i < invocations; ++i) {
      if (!often || i > 21) between(often);
      if (random_.chance(60)) {
        kill_in_an_invocation();
      } else {
        (void)world_.invoke(Seconds(400));
      }
    }
    between(often);
    const bool ended = world_.shut_down(Seconds(120));
    EXPECT_TRUE(ended) << "the environment does not end";
  }

 private:
  void maybe_change_mood() {
    for (std::size_t i = 0; i < back_ends_; ++i) {
      if (random_.chance(350)) moods_[i] = &moods[random_.below(std::size(moods))];
      if (random_.chance(80)) {
        const Route route = random_.chance(600) ? Route::open : Route::black_hole;
        for (const std::uint16_t port : {BackEndProcess::http_port, BackEndProcess::grpc_port}) {
          world_.network().set_route(BackEndProcess::address(i, port), route);
        }
      }
    }
  }

  void between(bool often) {
    maybe_change_mood();
    if (random_.chance(300)) world_.end_connections(one_of(random_, deaths));
    if (random_.chance(40) && !world_.collectors().empty()) world_.kill_collector();
    constexpr Nanoseconds gaps[] = {Nanoseconds::zero(), Milliseconds(20), Seconds(2), Seconds(40), Seconds(400)};
    world_.pass(random_.between(Nanoseconds::zero(), gaps[random_.below(often ? 3 : std::size(gaps))]));
  }

  void kill_in_an_invocation() {
    if (!world_.begin_invoke(Seconds(400))) return;
    world_.pass(random_.between(Nanoseconds::zero(), Milliseconds(200)));
    if (!world_.collectors().empty()) world_.kill_collector();
  }

  static constexpr Death deaths[] = {Death::end, Death::reset, Death::reset_on_send, Death::silence};
  Random random_;
  World& world_;
  std::size_t back_ends_ = 0;
  std::array<const Mood*, Ledger::back_ends_max> moods_{};
};

}  // namespace

DrawnWorld draw_world(std::uint64_t seed) {
  Random random(seed * 0x9e3779b97f4a7c15u + 1);
  DrawnWorld drawn;
  WorldSettings& settings = drawn.settings;
  settings.seed = seed;
  settings.back_ends = random.chance(250) ? 2 : 1;
  // Each third speaks gRPC with its back ends.
  settings.configuration = draw_configuration(random, settings.back_ends, seed % 3 == 2);
  constexpr const char* policies[] = {"",           "adaptive",        "end",           "end,3000",
                                      "continuous", "continuous,1000", "periodic,2000", "periodic"};
  const char* const policy = one_of(random, policies);
  settings.environment = {{"STINT_FLUSH", policy}};
  if (random.chance(100)) {
    settings.environment.emplace_back("STINT_JOURNAL", "off");
    settings.journal_works = false;
  }
  constexpr std::size_t memories[] = {16u << 20, 16u << 20, 4u << 20, 1u << 20};
  settings.memory_bytes_max = one_of(random, memories);
  draw_network(random, settings.network);
  draw_platform(random, settings);
  constexpr std::size_t invocations[] = {0, 2, 4, 8, 30};
  drawn.invocations = random.below(2 + one_of(random, invocations));
  settings.function = draw_function(random, 1 + drawn.invocations);
  if (settings.platform.mode == platform::Mode::managed_instances) {
    // There a function's time may run out, but nothing ends it.
    for (Invoked& invoked : settings.function.invocations) invoked.hangs = false;
  }
  draw_faults(random, settings);
  if (random.chance(300)) {
    settings.pause_permille = 3;
    constexpr Nanoseconds pauses[] = {Milliseconds(1), Milliseconds(100), Seconds(3)};
    settings.pause_max = one_of(random, pauses);
  }
  drawn.description =
      concat("policy '", policy, "', mode ", platform::initialization_type(settings.platform.mode), ", memory ",
             settings.memory_bytes_max >> 20, " MiB, journal ", settings.journal_works ? "on" : "off", ", ",
             drawn.invocations, " invocations\n", settings.configuration);
  return drawn;
}

RandomPlay play_random(std::uint64_t seed, const std::function<void(WorldSettings&)>& change,
                       const std::function<void(World&)>& watch) {
  DrawnWorld drawn = draw_world(seed);
  if (change) change(drawn.settings);
  const std::size_t back_ends = drawn.settings.back_ends;
  World world(std::move(drawn.settings));
  if (watch) watch(world);
  Player player(seed, world, back_ends);
  player.play(drawn.invocations);
  world.finish();
  RandomPlay played{
      std::move(drawn.description), world.story(), 0, drawn.invocations, world.collectors().size(), 0, 0, 0};
  for (const auto& collector : world.collectors()) played.calls += collector->loop.calls();
  played.made = world.ledger().made();
  played.confirmed = world.ledger().confirmed();
  played.received = world.ledger().received();
  return played;
}

}  // namespace stint::sim
