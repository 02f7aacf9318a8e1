// SPDX-License-Identifier: Apache-2.0
#include "runtime/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "base/log.h"

namespace stint {
namespace {

sockaddr_in ipv4(in_addr_t host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(host);
  return address;
}

sockaddr_in6 ipv6(const in6_addr& host, std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = host;
  return address;
}

template <typename Native>
Address make(const Native& native) {
  return Address::from_native(reinterpret_cast<const sockaddr*>(&native), sizeof native);
}

}  // namespace

Address Address::ipv4_loopback(std::uint16_t port) { return make(ipv4(INADDR_LOOPBACK, port)); }
Address Address::ipv6_loopback(std::uint16_t port) { return make(ipv6(in6addr_loopback, port)); }
Address Address::ipv4_any(std::uint16_t port) { return make(ipv4(INADDR_ANY, port)); }
Address Address::ipv6_any(std::uint16_t port) { return make(ipv6(in6addr_any, port)); }

std::optional<Address> Address::from_literal(std::string_view host, std::uint16_t port) {
  char text[INET6_ADDRSTRLEN + 1];
  if (host.size() >= sizeof text) return std::nullopt;
  std::memcpy(text, host.data(), host.size());
  text[host.size()] = '\0';
  in_addr four{};
  if (::inet_pton(AF_INET, text, &four) == 1) return make(ipv4(ntohl(four.s_addr), port));
  in6_addr six{};
  if (::inet_pton(AF_INET6, text, &six) == 1) return make(ipv6(six, port));
  return std::nullopt;
}

std::optional<Address> Address::unix_path(std::string_view path) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path) return std::nullopt;
  if (path.find('\0') != std::string_view::npos) return std::nullopt;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const bool without_file = path.front() == '@';
  if (without_file) address.sun_path[0] = '\0';
  const std::size_t path_bytes = without_file ? path.size() : path.size() + 1;
  return from_native(reinterpret_cast<const sockaddr*>(&address),
                     static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_bytes));
}

Address Address::from_native(const sockaddr* address, socklen_t size) {
  Address result;
  if (size > sizeof result.storage_) size = sizeof result.storage_;
  std::memcpy(&result.storage_, address, size);
  result.size_ = size;
  return result;
}

std::uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
  return 0;
}

void Address::set_port(std::uint16_t port) {
  if (family() == AF_INET) reinterpret_cast<sockaddr_in*>(&storage_)->sin_port = htons(port);
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6*>(&storage_)->sin6_port = htons(port);
}

std::string Address::to_string() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr, text, sizeof text);
    return concat(text, ":", port());
  }
  if (family() == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_addr, text, sizeof text);
    return concat("[", text, "]:", port());
  }
  if (family() == AF_UNIX) {
    const char* const path = reinterpret_cast<const sockaddr_un*>(&storage_)->sun_path;
    if (path[0] != '\0' || size_ <= offsetof(sockaddr_un, sun_path)) return concat("unix:", path);
    return concat("unix:@", std::string_view(path + 1, size_ - offsetof(sockaddr_un, sun_path) - 1));
  }
  return "none";
}

bool operator==(const Address& a, const Address& b) {
  return a.size_ == b.size_ && std::memcmp(&a.storage_, &b.storage_, a.size_) == 0;
}

}  // namespace stint
