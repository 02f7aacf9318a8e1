// SPDX-License-Identifier: Apache-2.0
#include "net/tls_roots.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/limits.h"

namespace stint::net {
namespace {

constexpr std::string_view pem_begin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view pem_end = "-----END CERTIFICATE-----";
// Serial number, algorithm, issuer and dates before it fit into this nearly always.
constexpr std::size_t subject_reach = 768;
constexpr std::uint64_t any_name = 0;

constexpr const char* usual_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
};
constexpr std::string_view usual_folders = "/etc/ssl/certs:/etc/pki/tls/certs";

constexpr auto base64_values = [] {
  std::array<std::int16_t, 256> values{};
  for (auto& value : values) value = -1;
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < digits.size(); ++i)
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::int16_t>(i);
  return values;
}();

// The six bits of a digit; negative, also when shifted, for what is none.
int value_of(char digit) { return base64_values[static_cast<unsigned char>(digit)]; }

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int value() const { return value_; }

 private:
  int value_;
};

// As many bytes as there are, up to size.
Result<std::size_t> read_at(int descriptor, char* data, std::size_t size, std::size_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(descriptor, data + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

// One element of DER after the other. An element may be cut at the end of the bytes only if it is entered.
class DerReader {
 public:
  explicit DerReader(std::string_view bytes) : rest_(bytes) {}
  struct Element {
    std::uint8_t tag;
    std::string_view whole;
    std::string_view content;
  };
  bool at_end() const { return rest_.empty(); }
  std::optional<Element> next(bool may_be_cut = false) {
    if (rest_.size() < 2) return std::nullopt;
    std::size_t length = static_cast<unsigned char>(rest_[1]);
    std::size_t header = 2;
    if (length >= 0x80) {
      const std::size_t digits = length & 0x7f;
      if (digits == 0 || digits > 3 || rest_.size() < 2 + digits) return std::nullopt;
      length = 0;
      for (std::size_t i = 0; i < digits; ++i) length = length << 8 | static_cast<unsigned char>(rest_[2 + i]);
      header += digits;
    }
    if (rest_.size() - header < length) {
      if (!may_be_cut) return std::nullopt;
      length = rest_.size() - header;
    }
    Element element{static_cast<std::uint8_t>(rest_[0]), rest_.substr(0, header + length),
                    rest_.substr(header, length)};
    rest_.remove_prefix(header + length);
    return element;
  }

 private:
  std::string_view rest_;
};

constexpr std::uint8_t tag_sequence = 0x30, tag_set = 0x31, tag_explicit_version = 0xa0;

class Hash {
 public:
  void add(char c) { value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u; }
  void add(std::string_view bytes) {
    for (const char c : bytes) add(c);
    add('\0');
  }
  // Without blanks at the ends, runs of them as one, letters in lower case.
  void add_folded(std::string_view text) {
    constexpr std::string_view blanks = " \t\n\v\f\r";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first != std::string_view::npos) text = text.substr(first, text.find_last_not_of(blanks) - first + 1);
    bool blank_before = false;
    for (char c : text) {
      const bool blank = blanks.find(c) != std::string_view::npos;
      if (blank && blank_before) continue;
      blank_before = blank;
      add(blank ? ' ' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    }
    add('\0');
  }
  std::uint64_t value() const { return value_ == any_name ? 1 : value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325u;
};

bool is_simple_text(std::uint8_t tag) {
  constexpr std::uint8_t utf8 = 12, printable = 19, ia5 = 22, visible = 26;
  return tag == utf8 || tag == printable || tag == ia5 || tag == visible;
}

// One attribute of a name. False: of a kind that cannot be compared by its bytes.
bool add_attribute(Hash& hash, std::string_view set) {
  DerReader members(set);
  const auto attribute = members.next();
  if (!attribute || attribute->tag != tag_sequence || !members.at_end()) return false;
  DerReader pair(attribute->content);
  const auto type = pair.next();
  const auto value = pair.next();
  if (!type || !value || !is_simple_text(value->tag)) return false;
  hash.add(type->content);
  hash.add_folded(value->content);
  return true;
}

}  // namespace

std::uint64_t name_key(std::string_view name) {
  const auto outer = DerReader(name).next();
  if (!outer || outer->tag != tag_sequence) return any_name;
  Hash hash;
  for (DerReader parts(outer->content); !parts.at_end();) {
    const auto part = parts.next();
    if (!part || part->tag != tag_set || !add_attribute(hash, part->content)) return any_name;
  }
  return hash.value();
}

std::string_view subject_of(std::string_view certificate) {
  const auto outer = DerReader(certificate).next(true);
  if (!outer || outer->tag != tag_sequence) return {};
  const auto inner = DerReader(outer->content).next(true);
  if (!inner || inner->tag != tag_sequence) return {};
  DerReader fields(inner->content);
  auto field = fields.next();
  if (field && field->tag == tag_explicit_version) field = fields.next();
  // Here: the serial number. Then algorithm, issuer, validity, subject.
  for (int i = 0; i < 4 && field; ++i) field = fields.next();
  return field && field->tag == tag_sequence ? field->whole : std::string_view();
}

std::string decode_pem_body(std::string_view text, std::size_t bytes_max) {
  std::string bytes(std::min(bytes_max, text.size() / 4 * 3) + 3, '\0');
  char* out = bytes.data();
  const char* const full = out + std::min(bytes_max, bytes.size() - 3);
  const auto put = [&](std::uint32_t bits) {
    *out++ = static_cast<char>(bits >> 16);
    *out++ = static_cast<char>(bits >> 8);
    *out++ = static_cast<char>(bits);
  };
  std::uint32_t bits = 0;
  int count = 0;
  for (std::size_t at = 0; at < text.size() && out < full;) {
    if (count == 0 && text.size() - at >= 4) {
      const int quad = value_of(text[at]) << 18 | value_of(text[at + 1]) << 12 | value_of(text[at + 2]) << 6 |
                       value_of(text[at + 3]);
      if (quad >= 0) {
        put(static_cast<std::uint32_t>(quad));
        at += 4;
        continue;
      }
    }
    const int value = value_of(text[at++]);
    if (value < 0) continue;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (++count < 4) continue;
    put(bits);
    count = 0;
    bits = 0;
  }
  if (count == 2) *out++ = static_cast<char>(bits >> 4);
  if (count == 3) {
    *out++ = static_cast<char>(bits >> 10);
    *out++ = static_cast<char>(bits >> 2);
  }
  bytes.resize(static_cast<std::size_t>(out - bytes.data()));
  return bytes;
}

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const Descriptor file(path);
  if (file.value() < 0) return system_error(errno);
  struct stat status{};
  if (::fstat(file.value(), &status) != 0) return system_error(errno);
  if (!S_ISREG(status.st_mode)) return system_error(S_ISDIR(status.st_mode) ? EISDIR : EINVAL);
  if (static_cast<std::size_t>(status.st_size) > bytes_max) return Error{ErrorCode::too_large};
  std::string content(static_cast<std::size_t>(status.st_size), '\0');
  const Result<std::size_t> size = read_at(file.value(), content.data(), content.size(), 0);
  if (!size) return size.error();
  content.resize(*size);
  return content;
}

std::size_t TrustedCertificates::index(Source source, std::string_view content) {
  const std::size_t before = entries_.size();
  std::size_t at = 0;
  while ((at = content.find(pem_begin, at)) != std::string_view::npos) {
    const std::size_t body = at + pem_begin.size();
    const std::size_t end = content.find(pem_end, body);
    if (end == std::string_view::npos) break;
    const std::string_view text = content.substr(body, end - body);
    std::string der = decode_pem_body(text, subject_reach);
    std::string_view subject = subject_of(der);
    if (subject.empty()) {
      der = decode_pem_body(text, text.size());
      subject = subject_of(der);
    }
    if (!subject.empty()) {
      entries_.push_back(Entry{name_key(subject), static_cast<std::uint32_t>(sources_.size()),
                               static_cast<std::uint32_t>(body), static_cast<std::uint32_t>(text.size())});
    }
    at = end + pem_end.size();
  }
  sources_.push_back(std::move(source));
  return entries_.size() - before;
}

Result<std::size_t> TrustedCertificates::add_file(const std::string& path) {
  const Result<std::string> content = read_file(path, limits::tls_file_bytes_max);
  if (!content) return content.error();
  return index(Source{path, {}}, *content);
}

std::size_t TrustedCertificates::add_pem(std::string text) {
  const std::string content = text;
  return index(Source{{}, std::move(text)}, content);
}

std::size_t TrustedCertificates::add_folder(const std::string& path) {
  DIR* const folder = ::opendir(path.c_str());
  if (folder == nullptr) return 0;
  std::size_t count = 0;
  while (const dirent* const entry = ::readdir(folder)) {
    count += add_file(path + "/" + entry->d_name).value_or(std::size_t{0});
  }
  ::closedir(folder);
  return count;
}

std::size_t TrustedCertificates::add_system(const config::Environment& environment) {
  std::size_t count = 0;
  const std::string_view file = environment.lookup("SSL_CERT_FILE").value_or(std::string_view());
  if (!file.empty()) {
    count = add_file(std::string(file)).value_or(std::size_t{0});
  } else {
    for (const char* path : usual_files) {
      count = add_file(path).value_or(std::size_t{0});
      if (count > 0) break;
    }
  }
  std::string_view folders = environment.lookup("SSL_CERT_DIR").value_or(std::string_view());
  if (folders.empty() && count == 0) folders = usual_folders;
  while (!folders.empty()) {
    const std::size_t colon = std::min(folders.find(':'), folders.size());
    count += add_folder(std::string(folders.substr(0, colon)));
    folders.remove_prefix(std::min(colon + 1, folders.size()));
  }
  return count;
}

std::string TrustedCertificates::pem(const Entry& entry) const {
  const Source& source = sources_[entry.source];
  if (source.path.empty()) return source.text.substr(entry.offset, entry.size);
  const Descriptor file(source.path);
  std::string text(entry.size, '\0');
  if (file.value() < 0) return {};
  const Result<std::size_t> size = read_at(file.value(), text.data(), text.size(), entry.offset);
  text.resize(size ? *size : 0);
  return text;
}

void TrustedCertificates::load(X509_STORE* store, const X509_NAME* name) {
  const unsigned char* der = nullptr;
  std::size_t size = 0;
  if (X509_NAME_get0_der(name, &der, &size) != 1) return;
  const std::uint64_t key = name_key({reinterpret_cast<const char*>(der), size});
  for (Entry& entry : entries_) {
    if (entry.loaded || (entry.key != key && entry.key != any_name && key != any_name)) continue;
    const std::string bytes = decode_pem_body(pem(entry), entry.size);
    const auto* begin = reinterpret_cast<const unsigned char*>(bytes.data());
    X509* const certificate = d2i_X509(nullptr, &begin, static_cast<long>(bytes.size()));
    if (certificate == nullptr) continue;  // damaged, or the file is another one by now
    ++decoded_;
    if (X509_NAME_cmp(X509_get_subject_name(certificate), name) == 0) {
      entry.loaded = X509_STORE_add_cert(store, certificate) == 1;
    }
    X509_free(certificate);
  }
}

}  // namespace stint::net
