// SPDX-License-Identifier: Apache-2.0
// A back end in the same process: an HTTP server on a free port that answers from a list and keeps what came.
#pragma once

#include <string>
#include <vector>

#include "answering_back_end.h"
#include "net/http_server.h"

namespace stint {

class BackEnd final
    : public AnsweringBackEnd<net::HttpServer, net::HttpService, net::HttpServerSettings, net::HttpReply> {
 public:
  using AnsweringBackEnd::AnsweringBackEnd;

  struct Received {
    std::string path, host, content_type, content_encoding, user_agent, tenant;
    std::string body;
  };

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
    co_return next_reply();
  }

  std::string url() const { return "http://" + endpoint(); }

  std::vector<Received> received;
};

inline net::HttpReply reply(int status, std::string body = {}, std::string_view content_type = {}) {
  net::HttpReply made;
  made.status = status;
  made.body = std::move(body);
  made.content_type = content_type;
  return made;
}

}  // namespace stint
