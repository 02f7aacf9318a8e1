// SPDX-License-Identifier: Apache-2.0
// A socket address as a value: IPv4, IPv6 or a unix path.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stint {

class Address {
 public:
  Address() = default;
  static Address ipv4_loopback(std::uint16_t port);
  static Address ipv6_loopback(std::uint16_t port);
  static Address ipv4_any(std::uint16_t port);
  static Address ipv6_any(std::uint16_t port);
  /// A literal such as 127.0.0.1 or ::1 (no brackets); nothing when it is a name.
  static std::optional<Address> from_literal(std::string_view host, std::uint16_t port);
  /// "@name" has no file. Nothing when the path is too long (107 bytes), or a byte of it is zero.
  static std::optional<Address> unix_path(std::string_view path);
  static Address from_native(const sockaddr* address, socklen_t size);

  const sockaddr* native() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t native_size() const { return size_; }
  int family() const { return storage_.ss_family; }
  std::uint16_t port() const;
  void set_port(std::uint16_t port);
  /// "127.0.0.1:4318", "[::1]:4318", "unix:/path"
  std::string to_string() const;

  friend bool operator==(const Address& a, const Address& b);

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace stint
