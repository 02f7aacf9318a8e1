// SPDX-License-Identifier: Apache-2.0
// As little of the platform as the tests of the life cycle need: it records calls in their order, holds `next` until
// an event is sent, and delivers telemetry where it was told to. It lies in the test's own runtime.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "lambda/registration.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "runtime/channel.h"

namespace stint::lambda {

constexpr std::string_view fake_identifier = "7f000001-0000-4000-8000-000000000001";

class FakePlatform final : private net::HttpService {
 public:
  struct Answer {
    int status = 200;
    std::string body;
    bool close = false;
  };
  struct Call {
    std::string what;  // "register", "telemetry", "next", "init/error", "exit/error"
    std::string method, path, identifier, error_type, name, feature, body;
  };

  explicit FakePlatform(Runtime& runtime)
      : runtime_(runtime), pool_(8u << 20), server_(runtime, pool_, copies_, *this, {}), changed_(runtime) {
    Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
    endpoint_.host = "127.0.0.1";
    endpoint_.port = listener->address()->port();
    endpoint_.authority = concat("127.0.0.1:", endpoint_.port);
    server_.serve(std::move(*listener));
  }
  const ApiEndpoint& endpoint() const { return endpoint_; }
  Task<> stop() {
    closing_ = true;
    changed_.notify_all();
    co_await server_.stop(Seconds(5));
  }

  /// As the program does it: blocking calls, before anything else.
  Handle register_extension(bool managed_instances = false) {
    BlockingSocket socket;
    return *connect_and_register(socket, endpoint_, {endpoint_.authority, "collector", managed_instances});
  }

  void send_event(std::string json) {
    events_.push_back({200, std::move(json), false});
    changed_.notify_all();
  }
  void invoke(std::string_view id, std::int64_t deadline_ms) {
    send_event(concat(R"({"eventType":"INVOKE","deadlineMs":)", deadline_ms, R"(,"requestId":")", id,
                      R"(","invokedFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:f"})"));
  }
  void shut_down(std::int64_t deadline_ms) {
    send_event(concat(R"({"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":)", deadline_ms, "}"));
  }
  void refuse_next(Answer answer) {
    events_.push_back(std::move(answer));
    changed_.notify_all();
  }

  /// Waits until `next` has been asked for `count` times in all. False: not within ten seconds.
  Task<bool> next_asked(std::size_t count) {
    const MonotonicTime end = runtime_.now() + Seconds(10);
    while (next_count_ < count) {
      const Result<> waited = co_await changed_.wait(end);
      if (!waited) co_return false;
    }
    co_return true;
  }
  /// Delivers to the subscribed address. The answer's status, 0 without one.
  Task<int> deliver(std::string body) {
    const std::size_t colon = destination_.rfind(':');
    if (colon == destination_.npos) co_return 0;
    const int port = std::atoi(destination_.c_str() + colon + 1);
    net::HttpClient client(runtime_, pool_, copies_, {"127.0.0.1", static_cast<std::uint16_t>(port), ""});
    std::string head;
    (void)wire::append_request_head(head, "POST", "/", "sandbox.localdomain", {}, body.size());
    const iovec part{body.data(), body.size()};
    const Result<net::HttpResponse> response = co_await client.request(head, {&part, 1}, Seconds(10));
    co_return response ? response->status : 0;
  }
  Task<int> runtime_done(std::string id) {
    return deliver(concat(R"([{"time":"2026-01-01T00:00:00.)", 100 + ++telemetry_time_,
                          R"(Z","type":"platform.runtimeDone","record":{"requestId":")", id,
                          R"(","status":"success"}}])"));
  }

  Answer register_answer{
      200, R"({"functionName":"f","functionVersion":"$LATEST","handler":"h","accountId":"001234567890"})", false};
  Answer telemetry_answer{200, "\"OK\"", false};
  std::vector<Call> calls;
  /// The order of things: calls as they arrive, and what the test adds.
  std::vector<std::string> order;
  std::size_t next_outstanding_max = 0;

  std::string destination() const { return destination_; }
  std::string joined_order() const {
    std::string text;
    for (const std::string& what : order) text.append(text.empty() ? "" : " ").append(what);
    return text;
  }
  const Call* find(std::string_view what) const {
    for (const Call& call : calls) {
      if (call.what == what) return &call;
    }
    return nullptr;
  }

 private:
  static std::string what_of(std::string_view path) {
    if (path == "/2022-07-01/telemetry") return "telemetry";
    if (path == "/2020-01-01/extension/event/next") return "next";
    constexpr std::string_view extension = "/2020-01-01/extension/";
    return std::string(path.starts_with(extension) ? path.substr(extension.size()) : path);
  }

  Task<net::HttpReply> serve(net::HttpRequest request) override {
    const wire::Headers& headers = request.head.headers;
    Call call{.what = what_of(request.head.path()),
              .method = std::string(request.head.method),
              .path = std::string(request.head.path()),
              .identifier = std::string(headers.value("Lambda-Extension-Identifier")),
              .error_type = std::string(headers.value("Lambda-Extension-Function-Error-Type")),
              .name = std::string(headers.value("Lambda-Extension-Name")),
              .feature = std::string(headers.value("Lambda-Extension-Accept-Feature")),
              .body = std::string(request.body.view())};
    const std::string what = call.what;
    order.push_back(what);
    calls.push_back(std::move(call));
    if (what == "next") co_return co_await next();
    if (what == "telemetry") {
      const std::string& body = calls.back().body;
      const std::size_t begin = body.find("http://");
      if (telemetry_answer.status == 200 && begin != body.npos) {
        destination_ = body.substr(begin, body.find("/\"", begin) - begin);
      }
      co_return reply(telemetry_answer);
    }
    if (what == "register") co_return reply(register_answer);
    co_return reply({202, R"({"status":"OK"})", false});
  }

  Task<net::HttpReply> next() {
    next_outstanding_max = std::max(next_outstanding_max, ++next_outstanding_);
    ++next_count_;
    changed_.notify_all();
    while (events_.empty() && !closing_) (void)co_await changed_.wait();
    --next_outstanding_;
    if (events_.empty()) co_return reply({500, "", true});
    const Answer answer = std::move(events_.front());
    events_.pop_front();
    co_return reply(answer);
  }

  static net::HttpReply reply(const Answer& answer) {
    net::HttpReply reply{.status = answer.status, .content_type = "application/json", .body = answer.body};
    reply.headers.emplace_back("Lambda-Extension-Identifier", fake_identifier);
    reply.close = answer.close;
    return reply;
  }

  Runtime& runtime_;
  BlockPool pool_;
  CopyCounters copies_;
  net::HttpServer server_;
  Notifier changed_;
  ApiEndpoint endpoint_;
  std::deque<Answer> events_;
  std::string destination_;
  std::size_t next_outstanding_ = 0;
  std::size_t next_count_ = 0;
  int telemetry_time_ = 0;
  bool closing_ = false;
};

}  // namespace stint::lambda
