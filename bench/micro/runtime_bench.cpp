// SPDX-License-Identifier: Apache-2.0
// What coroutines cost: a call, a hop through the ready queue, a channel between two tasks, a spawned task.
#include "bench/micro/measured.h"
#include "runtime/channel.h"
#include "runtime/epoll_loop.h"
#include "runtime/scope.h"

namespace stint::bench {
namespace {

Task<int> one_more(int number) { co_return number + 1; }

Task<> call_tasks(benchmark::State& state) {
  int number = 0;
  number = co_await one_more(number);
  const Measured measured(state);
  for (auto _ : state) number = co_await one_more(number);
  benchmark::DoNotOptimize(number);
}

Task<> hop(benchmark::State& state, Runtime& runtime) {
  co_await runtime.yield();
  const Measured measured(state);
  for (auto _ : state) co_await runtime.yield();
}

Task<> receive_all(Channel<int>& channel) {
  for (bool open = true; open;) {
    const Result<int> received = co_await channel.receive();
    open = received.has_value();
  }
}

Task<> send_and_receive(benchmark::State& state, Runtime& runtime) {
  Channel<int> channel(runtime, 1);
  Scope scope(runtime);
  scope.spawn(receive_all(channel));
  (void)co_await channel.send(0);
  {
    const Measured measured(state);
    for (auto _ : state) (void)co_await channel.send(1);
  }
  channel.close();
  co_await scope.join();
}

Task<> nothing() { co_return; }

Task<> spawn_and_join(benchmark::State& state, Runtime& runtime) {
  Scope scope(runtime);
  const Measured measured(state);
  for (auto _ : state) {
    scope.spawn(nothing());
    co_await scope.join();
  }
}

void task_call(benchmark::State& state) {
  EpollLoop loop;
  Runtime runtime(loop);
  runtime.run(call_tasks(state));
}
BENCHMARK(task_call);

void coroutine_hop(benchmark::State& state) {
  EpollLoop loop;
  Runtime runtime(loop);
  runtime.run(hop(state, runtime));
}
BENCHMARK(coroutine_hop);

void channel(benchmark::State& state) {
  EpollLoop loop;
  Runtime runtime(loop);
  runtime.run(send_and_receive(state, runtime));
}
BENCHMARK(channel);

void task_spawned(benchmark::State& state) {
  EpollLoop loop;
  Runtime runtime(loop);
  runtime.run(spawn_and_join(state, runtime));
}
BENCHMARK(task_spawned);

}  // namespace
}  // namespace stint::bench
