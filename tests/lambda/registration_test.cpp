// SPDX-License-Identifier: Apache-2.0
// The bytes of `register`, the address of the API, and the one function that says the first over the second.
#include "lambda/registration.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "wire/url.h"

namespace stint::lambda {
namespace {

TEST(Registration, AsksForInvokeAndShutdownAndTheAccountId) {
  const Result<std::string> bytes = register_bytes({"169.254.100.1:9001", "collector"});
  ASSERT_TRUE(bytes);
  EXPECT_EQ(*bytes,
            "POST /2020-01-01/extension/register HTTP/1.1\r\n"
            "Host: 169.254.100.1:9001\r\n"
            "Lambda-Extension-Name: collector\r\n"
            "Lambda-Extension-Accept-Feature: accountId\r\n"
            "Content-Type: application/json\r\n"
            "Content-Length: 32\r\n"
            "\r\n"
            R"({"events":["INVOKE","SHUTDOWN"]})");
}

TEST(Registration, AsksForShutdownOnlyOnManagedInstances) {
  const Result<std::string> bytes = register_bytes({"127.0.0.1:9001", "collector", true});
  ASSERT_TRUE(bytes);
  EXPECT_TRUE(bytes->ends_with("\r\n\r\n{\"events\":[\"SHUTDOWN\"]}")) << *bytes;
}

TEST(Registration, RefusesANameThatWouldBreakTheHead) {
  EXPECT_FALSE(register_bytes({"127.0.0.1:9001", "collector\r\nX: y"}));
  EXPECT_FALSE(register_bytes({"127.0.0.1:9001", ""}));
}

TEST(Registration, TakesTheExtensionsNameFromTheProgram) {
  EXPECT_EQ(extension_name("/opt/extensions/collector"), "collector");
  EXPECT_EQ(extension_name("collector.sh"), "collector.sh");
  EXPECT_EQ(extension_name("/opt/extensions/"), "");
}

TEST(Registration, ReadsTheAddressOfTheApi) {
  const Result<ApiEndpoint> endpoint = parse_api_endpoint("169.254.100.1:9001");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->authority, "169.254.100.1:9001");
  ASSERT_TRUE(endpoint->address());
  EXPECT_EQ(endpoint->address()->to_string(), "169.254.100.1:9001");
  EXPECT_EQ(parse_api_endpoint("localhost:9001")->address()->to_string(), "127.0.0.1:9001");
  EXPECT_EQ(parse_api_endpoint("[::1]:9001")->address()->to_string(), "[::1]:9001");
  EXPECT_FALSE(parse_api_endpoint("api.example:9001")->address());
}

TEST(Registration, RefusesAnAddressWithoutHostOrPort) {
  for (const std::string_view text : {"", ":9001", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:x", "127.0.0.1:70000"}) {
    EXPECT_FALSE(parse_api_endpoint(text)) << text;
  }
  EXPECT_EQ(parse_api_endpoint("127.0.0.1:0").error().place, static_cast<std::uint16_t>(wire::UrlMistake::port));
}

class RecordedTransport final : public ByteTransport {
 public:
  Result<> connect(const Address& address) override {
    said.append("connect ").append(address.to_string());
    return connect_result;
  }
  Result<> write(std::string_view bytes) override {
    said.append(" write ").append(bytes.substr(0, 4));
    return write_result;
  }
  Handle release() override {
    said.append(" release");
    return 7;
  }
  std::string said;
  Result<> connect_result, write_result;
};

TEST(Registration, ConnectsThenWritesThenGivesTheConnectionAway) {
  RecordedTransport transport;
  const ApiEndpoint endpoint = *parse_api_endpoint("127.0.0.1:9001");
  const Result<Handle> handle = connect_and_register(transport, endpoint, {endpoint.authority, "collector"});
  ASSERT_TRUE(handle);
  EXPECT_EQ(*handle, 7);
  EXPECT_EQ(transport.said, "connect 127.0.0.1:9001 write POST release");
}

TEST(Registration, HandsOnWhyItFailed) {
  const ApiEndpoint endpoint = *parse_api_endpoint("127.0.0.1:9001");
  RecordedTransport deaf;
  deaf.connect_result = system_error(ECONNREFUSED);
  EXPECT_EQ(connect_and_register(deaf, endpoint, {endpoint.authority, "c"}).error(), system_error(ECONNREFUSED));
  RecordedTransport broken;
  broken.write_result = system_error(EPIPE);
  EXPECT_EQ(connect_and_register(broken, endpoint, {endpoint.authority, "c"}).error(), system_error(EPIPE));
  EXPECT_EQ(broken.said, "connect 127.0.0.1:9001 write POST");
  RecordedTransport unused;
  const ApiEndpoint name = *parse_api_endpoint("api.example:9001");
  EXPECT_EQ(connect_and_register(unused, name, {name.authority, "c"}).error().code, ErrorCode::unsupported);
  EXPECT_EQ(unused.said, "");
}

}  // namespace
}  // namespace stint::lambda
