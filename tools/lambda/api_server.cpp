// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/api_server.h"

namespace stint::platform {
namespace {

Request copy_head(const wire::RequestHead& head) {
  Request request;
  request.method = head.method;
  request.path = head.path();
  for (const wire::Header& header : head.headers) {
    request.headers.push_back({std::string(header.name), std::string(header.value)});
  }
  return request;
}

net::HttpReply reply_of(Answer answer) {
  net::HttpReply reply;
  reply.status = answer.status;
  reply.body = std::move(answer.body);
  for (Header& header : answer.headers) reply.headers.emplace_back(std::move(header.name), std::move(header.value));
  return reply;
}

}  // namespace

// A call that waits for its answer; lies in the frame of serve().
class ApiServer::Held : public Suspended {
 public:
  Held(ApiServer& server, CallId call) : Suspended(server.runtime_.ready()), server_(server), call_(call) {
    server_.held_[call_] = this;
  }
  ~Held() { server_.held_.erase(call_); }
  void give(Answer answer) {
    answer_ = std::move(answer);
    if (waiting() && !cancelled_) resume(0);
  }
  Task<std::optional<Answer>> wait() {
    if (!answer_) co_await suspend(*this);
    co_return std::move(answer_);
  }

 protected:
  void cancel() override {
    if (!answer_ && !cancelled_) {
      cancelled_ = true;
      resume(-ECANCELED);
    }
  }

 private:
  ApiServer& server_;
  CallId call_;
  std::optional<Answer> answer_;
  bool cancelled_ = false;
};

ApiServer::ApiServer(Runtime& runtime) : runtime_(runtime) {
  timer_.server = this;
  timer_.fire = [](TimerNode& node) {
    ApiServer& server = *static_cast<Timer&>(node).server;
    server.platform_->timer(server.now());
    server.set_timer();
  };
}

ApiServer::~ApiServer() {
  if (timer_.armed()) runtime_.timers().remove(timer_);
}

Now ApiServer::now() { return {runtime_.now(), runtime_.epoch_now()}; }

void ApiServer::set_timer() {
  if (timer_.armed()) runtime_.timers().remove(timer_);
  if (const std::optional<MonotonicTime> next = platform_->next_timer()) runtime_.timers().arm(timer_, *next);
}

void ApiServer::start() {
  platform_->start(now());
  set_timer();
}

std::string ApiServer::invoke(Invocation invocation) {
  std::string request_id = platform_->invoke(std::move(invocation), now());
  set_timer();
  return request_id;
}

void ApiServer::out_of_memory(Victim victim) {
  platform_->out_of_memory(victim, now());
  set_timer();
}

void ApiServer::shutdown() {
  platform_->shutdown(now());
  set_timer();
}

void ApiServer::answer(CallId call, Answer answer) {
  const auto found = held_.find(call);
  if (found != held_.end()) found->second->give(std::move(answer));
}

std::optional<net::HttpReply> ApiServer::refuse(const wire::RequestHead& head) {
  const CallId call = ++last_call_;
  started_[&head] = call;
  platform_->request_started(call, copy_head(head), now());
  return std::nullopt;
}

Task<net::HttpReply> ApiServer::serve(net::HttpRequest request) {
  const CallId call = std::exchange(started_[&request.head], 0);
  started_.erase(&request.head);
  Request copied = copy_head(request.head);
  copied.body = request.body.view();
  request.body = Slice();
  Held held(*this, call);
  platform_->request(call, copied, now());
  set_timer();
  std::optional<Answer> answer = co_await held.wait();
  if (!answer) {
    platform_->call_closed(call);
    co_return net::HttpReply{.status = 503, .close = true};
  }
  co_return reply_of(std::move(*answer));
}

void ApiServer::process_output(ProcessId process, std::string_view line) {
  platform_->process_output(process, line, now());
  set_timer();
}

void ApiServer::process_exited(ProcessId process, ExitStatus status) {
  platform_->process_exited(process, status, now());
  set_timer();
}

void ApiServer::delivered(DeliveryId delivery, int status) {
  platform_->delivered(delivery, status, now());
  set_timer();
}

}  // namespace stint::platform
