// SPDX-License-Identifier: Apache-2.0
#include "sim/function.h"

#include <gtest/gtest.h>

#include "base/log.h"

namespace stint::sim {
namespace {

constexpr Nanoseconds export_timeout = Seconds(10);  // of the SDKs
constexpr std::string_view runtime_path = "/2018-06-01/runtime/invocation/";
constexpr std::string_view request_id_header = "Lambda-Runtime-Aws-Request-Id";

}  // namespace

FunctionProcess::FunctionProcess(Network& network, const FunctionPlan& plan, Ledger& ledger, Address runtime_api,
                                 std::size_t& invocation)
    : Process(network, "runtime"),
      plan_(plan),
      ledger_(ledger),
      runtime_api_(runtime_api),
      invocation_(invocation),
      api_(std::make_unique<net::HttpClient>(runtime, pool_, copies_,
                                             net::HttpOrigin{"127.0.0.1", runtime_api.port(), {}})),
      collector_(std::make_unique<net::HttpClient>(runtime, pool_, copies_, net::HttpOrigin{"127.0.0.1", 4318, {}})) {}

bool FunctionProcess::begin() {
  runtime.begin(live());
  return true;
}

void FunctionProcess::killed() {
  was_killed_ = true;
  killed_.notify_all();
}

void FunctionProcess::ended() {
  EXPECT_EQ(loop.operations_in_flight(), 0u);
  api_.reset();
  collector_.reset();
  EXPECT_EQ(pool_.blocks_in_use(), 0u);
}

Task<> FunctionProcess::live() {
  co_await export_all(plan_.at_init, {});
  Scope workers(runtime);
  for (std::size_t i = 0; i < plan_.workers; ++i) workers.spawn(serve(workers));
  co_await workers.join();
  co_await beside_.join();
}

Task<Result<net::HttpResponse>> FunctionProcess::call(net::HttpClient& client, std::string_view method,
                                                      std::string path, std::string_view media_type, std::string body,
                                                      Nanoseconds timeout) {
  const wire::Header headers[] = {{"Content-Type", media_type}};
  std::string head;
  const bool post = method == "POST";
  const Result<> written = wire::append_request_head(head, method, path, "127.0.0.1", std::span(headers, post ? 1 : 0),
                                                     post ? std::optional<std::uint64_t>(body.size()) : std::nullopt);
  STINT_CHECK(written.has_value());
  const iovec part{body.data(), body.size()};
  constexpr std::string_view wanted[] = {request_id_header};
  co_return co_await client.request(head, std::span(&part, post ? 1 : 0), timeout, wanted);
}

Task<> FunctionProcess::serve(Scope& workers) {
  for (;;) {
    const Result<net::HttpResponse> next = co_await call(*api_, "GET", concat(runtime_path, "next"), "", "", forever);
    if (!next || next->status != 200 || next->headers.empty()) break;
    const std::string id = next->headers.front().second;
    const std::size_t number = std::min(invocation_++, plan_.invocations.size() - 1);
    const bool goes_on = co_await run(plan_.invocations[number], id);
    if (!goes_on) break;
    const Result<net::HttpResponse> answered =
        co_await call(*api_, "POST", concat(runtime_path, id, "/response"), "application/json", "\"ok\"", forever);
    if (!answered || answered->status != 202) break;
  }
  workers.cancel();
}

// False: the runtime ends.
Task<bool> FunctionProcess::run(Invoked invoked, std::string request_id) {
  (void)co_await runtime.sleep(invoked.work);
  co_await export_all(std::move(invoked.exports), std::move(request_id));
  while (invoked.hangs && !was_killed_) (void)co_await killed_.wait();
  co_return !invoked.exits && !was_killed_;
}

Task<> FunctionProcess::export_all(std::vector<Export> exports, std::string request_id) {
  for (const Export& one : exports) {
    if (one.after > Nanoseconds::zero()) (void)co_await runtime.sleep(one.after);
    if (one.beside) {
      beside_.spawn(export_one(one, request_id));
    } else {
      co_await export_one(one, request_id);
    }
  }
}

Task<> FunctionProcess::export_one(Export one, std::string request_id) {
  const std::vector<ItemId> items = ledger_.make(one.items);
  if (!one.tells_end) request_id.clear();
  std::string path(otlp::names(one.signal).url_path);
  std::string body = make_request(one.signal, items, request_id);
  const Result<net::HttpResponse> answer =
      co_await call(*collector_, "POST", std::move(path), "application/x-protobuf", std::move(body), export_timeout);
  // A dead process confirms nothing.
  if (!answer || loop.abandoned()) co_return;
  answer->status == 200 ? ledger_.confirm(items) : ledger_.refuse(items);
}

}  // namespace stint::sim
