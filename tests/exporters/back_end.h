// SPDX-License-Identifier: Apache-2.0
// A back end in the same process: an HTTP server on a free port that answers from a list and keeps what came.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "net/http_server.h"
#include "pipeline/component_world.h"

namespace stint {

class BackEnd final : public net::HttpService {
 public:
  struct Received {
    std::string path, host, content_type, content_encoding, user_agent, tenant;
    std::string body;
  };

  explicit BackEnd(ComponentWorld& world) : world_(world) { start(0); }

  Task<net::HttpReply> serve(net::HttpRequest request) override {
    const wire::Headers& headers = request.head.headers;
    Received one;
    one.path = request.head.target;
    one.host = headers.value("Host");
    one.content_type = headers.value("Content-Type");
    one.content_encoding = headers.value("Content-Encoding");
    one.user_agent = headers.value("User-Agent");
    one.tenant = headers.value("X-Tenant");
    one.body = request.body.view();
    received.push_back(std::move(one));
    net::HttpReply reply;
    if (!replies.empty()) {
      reply = replies.front();
      if (replies.size() > 1 || !last_for_ever) replies.pop_front();
    }
    co_return std::move(reply);
  }

  /// Ends all connections without a word, as a freeze does, and listens on the same port again.
  Task<> restart() {
    co_await server_->stop(Nanoseconds::zero());
    start(port_);
  }
  Task<> stop() { co_await server_->stop(Nanoseconds::zero()); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  std::deque<net::HttpReply> replies;  // 200 when there is none
  bool last_for_ever = false;
  std::vector<Received> received;

 private:
  void start(std::uint16_t port) {
    server_ = std::make_unique<net::HttpServer>(world_.runtime, pool_, copies_, *this, net::HttpServerSettings());
    Result<Listener> listener = Listener::open(world_.runtime, Address::ipv4_loopback(port));
    STINT_CHECK(listener.has_value());
    port_ = listener->address()->port();
    server_->serve(std::move(*listener));
  }

  ComponentWorld& world_;
  // Its own: the exporter's are what is tested.
  BlockPool pool_{64u << 20};
  CopyCounters copies_;
  std::unique_ptr<net::HttpServer> server_;
  std::uint16_t port_ = 0;
};

inline net::HttpReply reply(int status, std::string body = {}, std::string_view content_type = {}) {
  net::HttpReply made;
  made.status = status;
  made.body = std::move(body);
  made.content_type = content_type;
  return made;
}

}  // namespace stint
