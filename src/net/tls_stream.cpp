// SPDX-License-Identifier: Apache-2.0
#include "net/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

#include "net/tls_bio.h"
#include "net/tls_error.h"

namespace stint::net {
namespace {

// A record with its header and what a cipher adds, so that one receive takes a whole one.
constexpr std::size_t input_bytes = (16u << 10) + 512;

Nanoseconds left(Runtime& runtime, MonotonicTime end) {
  if (end == MonotonicTime::max()) return forever;
  return std::max(end - runtime.now(), Nanoseconds(1));
}

}  // namespace

// The library's side of the buffers.
int TlsBio::read(bio_st* bio, char* data, std::size_t size, std::size_t* taken) {
  auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const std::size_t there = stream.input_end_ - stream.input_begin_;
  if (there == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  *taken = std::min(size, there);
  std::memcpy(data, stream.input_.get() + stream.input_begin_, *taken);
  stream.input_begin_ += *taken;
  return 1;
}

int TlsBio::write(bio_st* bio, const char* data, std::size_t size, std::size_t* taken) {
  auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  stream.output_.insert(stream.output_.end(), data, data + size);
  *taken = size;
  return 1;
}

TlsStream::TlsStream(Stream stream, ssl_st* ssl, TlsPeer* peer, std::unique_ptr<TlsStream> carrier)
    : stream_(std::move(stream)), carrier_(std::move(carrier)), ssl_(ssl), peer_(peer), input_(new char[input_bytes]) {
  SSL_set_app_data(ssl_, this);
  BIO_set_data(SSL_get_rbio(ssl_), this);
}

TlsStream::~TlsStream() {
  // Else the library takes the session for one that failed, and it could not be resumed.
  if (!broken_) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
}

std::string_view TlsStream::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

// The error behind a call that did not succeed and does not want to read.
Error TlsStream::failure(int result) {
  broken_ = true;
  if (result == SSL_ERROR_ZERO_RETURN) return Error{ErrorCode::closed};
  return take_tls_error(SSL_get_verify_result(ssl_));
}

Task<Result<>> TlsStream::handshake(MonotonicTime end) {
  for (;;) {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_);
    const int state = done == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, done);
    Error failed{ErrorCode::closed};
    if (state != SSL_ERROR_NONE && state != SSL_ERROR_WANT_READ) failed = failure(state);
    // An alert that says why goes out, too.
    const Result<> flushed = co_await flush(left(runtime(), end));
    if (broken_ && is_tls(failed)) co_return failed;
    if (!flushed) co_return flushed.error();
    if (state == SSL_ERROR_NONE) co_return Result<>();
    if (broken_) co_return failed;
    const Result<> filled = co_await fill(left(runtime(), end));
    if (!filled) co_return filled.error();
  }
}

Task<Result<std::size_t>> TlsStream::receive(char* data, std::size_t size, Nanoseconds timeout) {
  const MonotonicTime end = after(runtime().now(), timeout);
  while (!broken_) {
    ERR_clear_error();
    std::size_t received = 0;
    const int done = SSL_read_ex(ssl_, data, size, &received);
    const int state = done == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, done);
    if (state == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
    Error failed{ErrorCode::closed};
    if (state != SSL_ERROR_NONE && state != SSL_ERROR_WANT_READ) failed = failure(state);
    if (!output_.empty()) {
      const Result<> flushed = co_await flush(left(runtime(), end));
      if (!flushed && !broken_) co_return flushed.error();
    }
    if (state == SSL_ERROR_NONE) co_return received;
    if (broken_) co_return failed;
    const Result<> filled = co_await fill(left(runtime(), end));
    if (!filled) co_return filled.error();
  }
  co_return Error{ErrorCode::closed};
}

Result<> TlsStream::encrypt(const char* data, std::size_t size) {
  while (size > 0) {
    if (broken_) return Error{ErrorCode::closed};
    ERR_clear_error();
    std::size_t taken = 0;
    const int done = SSL_write_ex(ssl_, data, std::min(size, record_bytes), &taken);
    if (done != 1) return failure(SSL_get_error(ssl_, done));
    data += taken;
    size -= taken;
  }
  return {};
}

Task<Result<>> TlsStream::encrypt_and_flush(const char* data, std::size_t size, Nanoseconds timeout) {
  while (size > 0) {
    const std::size_t piece = std::min(size, record_bytes);
    if (const Result<> encrypted = encrypt(data, piece); !encrypted) co_return encrypted.error();
    data += piece;
    size -= piece;
    if (output_.size() < flush_bytes) continue;
    const Result<> flushed = co_await flush(timeout);
    if (!flushed) co_return flushed.error();
  }
  co_return Result<>();
}

Task<Result<>> TlsStream::send_gathered(Nanoseconds timeout) {
  const Result<> sent = co_await encrypt_and_flush(gathered_.data(), gathered_.size(), timeout);
  gathered_.clear();
  co_return sent;
}

Task<Result<>> TlsStream::send(std::span<const iovec> parts, Nanoseconds timeout) {
  gathered_.clear();
  for (const iovec& part : parts) {
    const char* const data = static_cast<const char*>(part.iov_base);
    const bool direct = part.iov_len >= direct_bytes_min;
    if (!gathered_.empty() && (direct || gathered_.size() + part.iov_len > record_bytes)) {
      const Result<> sent = co_await send_gathered(timeout);
      if (!sent) co_return sent.error();
    }
    if (direct) {
      const Result<> sent = co_await encrypt_and_flush(data, part.iov_len, timeout);
      if (!sent) co_return sent.error();
    } else {
      gathered_.insert(gathered_.end(), data, data + part.iov_len);
      bytes_gathered_ += part.iov_len;
    }
  }
  const Result<> sent = co_await send_gathered(timeout);
  if (!sent) co_return sent.error();
  co_return co_await flush(timeout);
}

Task<Result<>> TlsStream::send_below(std::span<const iovec> parts, Nanoseconds timeout) {
  return carrier_ ? carrier_->send(parts, timeout) : stream_.send(parts, timeout);
}

Task<Result<std::size_t>> TlsStream::receive_below(char* data, std::size_t size, Nanoseconds timeout) {
  return carrier_ ? carrier_->receive(data, size, timeout) : stream_.receive(data, size, timeout);
}

Task<Result<>> TlsStream::flush(Nanoseconds timeout) {
  if (flushing_) co_return Result<>();
  flushing_ = true;
  Result<> sent;
  while (sent && !output_.empty()) {
    std::swap(output_, in_flight_);
    const iovec part{in_flight_.data(), in_flight_.size()};
    sent = co_await send_below(std::span<const iovec>(&part, 1), timeout);
    in_flight_.clear();
  }
  flushing_ = false;
  if (!sent) broken_ = true;  // a record may be half out
  co_return sent;
}

Task<Result<>> TlsStream::fill(Nanoseconds timeout) {
  input_begin_ = input_end_ = 0;
  const Result<std::size_t> received = co_await receive_below(input_.get(), input_bytes, timeout);
  if (!received) co_return received.error();
  if (*received == 0) co_return Error{ErrorCode::closed};
  input_end_ = *received;
  co_return Result<>();
}

Task<Result<>> TlsStream::readable(Nanoseconds timeout) {
  if (input_begin_ < input_end_ || SSL_has_pending(ssl_) == 1) co_return Result<>();
  auto below = carrier_ ? carrier_->readable(timeout) : stream_.readable(timeout);
  co_return co_await std::move(below);
}

Task<> TlsStream::end_send(Nanoseconds timeout) {
  if (broken_ || !SSL_is_init_finished(ssl_) || (SSL_get_shutdown(ssl_) & SSL_SENT_SHUTDOWN) != 0) co_return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  const Result<> flushed = co_await flush(timeout);
  if (!flushed) broken_ = true;
}

Task<> TlsStream::close(Nanoseconds timeout) {
  co_await end_send(timeout);
  stream_.close();
  carrier_.reset();
}

}  // namespace stint::net
