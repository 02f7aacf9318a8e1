// SPDX-License-Identifier: Apache-2.0
#include "net/grpc_server.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "net/tls_server.h"

namespace stint::net {
namespace {

constexpr Nanoseconds memory_pause = Milliseconds(20);
constexpr Nanoseconds end_look = Milliseconds(20);   // a scope lets go of a task just after it has ended
constexpr std::size_t output_bytes_max = 64u << 10;  // of one send
// What a client still sends is read and dropped up to here, so that it reads our last words and no reset.
constexpr std::size_t linger_bytes_max = 1u << 20;
constexpr Nanoseconds linger_max = Seconds(1);

}  // namespace

class GrpcServer::Connection {
 public:
  Connection(GrpcServer& server, ByteStream stream)
      : server_(server),
        runtime_(server.runtime_),
        stream_(std::move(stream)),
        buffer_(server.pool_, server.copies_),
        calls_(server.memory_, server.pool_, server.copies_, server, server.settings_, server.runtime_.now()),
        born_(server.runtime_.now()),
        sent_(server.runtime_) {
    next_ = server.first_;
    if (next_ != nullptr) next_->previous_ = this;
    server.first_ = this;
    ++server.connections_;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    (previous_ != nullptr ? previous_->next_ : server_.first_) = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    --server_.connections_;
    server_.something_ended_.notify_all();
  }

  Task<> run() {
    reader_.start(runtime_, converse(), [](void* self) { static_cast<Connection*>(self)->reader_ended(); }, this);
    const bool is_cancelled = co_await cancellation_requested();
    if (is_cancelled) reader_.cancel();
    while (reader_.running() || busy_ > 0) {
      Joiner joiner(*this);
      joiner_ = &joiner;
      co_await suspend(joiner);
      joiner_ = nullptr;
    }
    co_await stream_.close(linger_max);
  }

  std::size_t calls() const { return calls_.calls(); }
  MonotonicTime idle_since() const { return calls_.idle_since(); }
  /// Closes the connection after a word to the client; a call that comes meanwhile is the client's to repeat.
  Task<> leave() {
    ++busy_;
    calls_.drain(runtime_.now());
    if (server_.settings_.tls == nullptr || is_secure_) co_await flush();
    --busy_;
    reader_.cancel();
    part_ended();
  }
  /// Tells the client that the server stops; the task, which must be run, sends it. The connection lives until then.
  Task<> say_goodbye() {
    ++busy_;
    calls_.drain(runtime_.now());
    return send_goodbye();
  }

 private:
  // Waits for every task of the connection; being cancelled means that the reader is, and with it all.
  class Joiner : public Suspended {
   public:
    explicit Joiner(Connection& connection) : Suspended(connection.runtime_.ready()), connection_(connection) {}

   private:
    void cancel() override { connection_.reader_.cancel(); }
    Connection& connection_;
  };

  // Who serves a call; reused.
  struct Worker {
    OwnedTask task;
    Connection* connection = nullptr;
    GrpcCall* call = nullptr;
  };

  Task<> send_goodbye() {
    if (server_.settings_.tls == nullptr || is_secure_) co_await flush();
    --busy_;
    part_ended();
    server_.something_ended_.notify_all();
  }

  Task<bool> secure() {
    if (server_.settings_.tls == nullptr) co_return true;
    const MonotonicTime end = born_ + limits::request_head_time_max;
    Result<std::unique_ptr<TlsStream>> secured = co_await server_.settings_.tls->secure(stream_.take_plain(), end);
    if (!secured) co_return false;
    stream_ = ByteStream(std::move(*secured));
    born_ = runtime_.now();
    is_secure_ = true;
    co_return true;
  }

  Task<> converse() {
    bool open = co_await secure();
    if (open) open = co_await flush();
    while (open && !calls_.is_over()) {
      const bool room = co_await make_room();
      if (!room) break;
      MonotonicTime due = calls_.next_due();
      if (!calls_.greeted()) due = std::min(due, born_ + server_.settings_.silence_max);
      const Nanoseconds timeout =
          due == MonotonicTime::max() ? forever : std::max(due - runtime_.now(), Nanoseconds(1));
      const Result<std::size_t> received = co_await buffer_.receive(stream_, timeout);
      if (received) {
        if (*received == 0) break;
        open = calls_.receive(buffer_, runtime_.now());
      } else if (received.error().code != ErrorCode::timed_out) {
        break;
      }
      open = pass_time() && open;
      co_await serve_ready();
      open = co_await flush() && open;
    }
    if (open) co_await stream_.linger(linger_max, linger_bytes_max);
  }

  // Memory comes back when others are done; a client waits meanwhile as with a full window.
  Task<bool> make_room() {
    const MonotonicTime end = runtime_.now() + server_.settings_.silence_max;
    while (!calls_.reserve(buffer_)) {
      if (runtime_.now() >= end) co_return false;
      const Result<> slept = co_await runtime_.sleep(memory_pause);
      if (!slept) co_return false;
    }
    co_return true;
  }

  // False: it is time to close.
  bool pass_time() {
    const MonotonicTime now = runtime_.now();
    if (!calls_.greeted() && now >= born_ + server_.settings_.silence_max) return false;
    if (now >= calls_.next_due()) {
      expired_.clear();
      calls_.expire(now, expired_);
      for (GrpcCall* call : expired_) cancel(*call);
      if (!calls_.keep_alive(now)) return false;
    }
    for (GrpcCall* call : calls_.abandoned()) cancel(*call);
    calls_.abandoned().clear();
    return true;
  }

  static void cancel(GrpcCall& call) {
    if (call.worker != nullptr) static_cast<Worker*>(call.worker)->task.cancel();
  }

  // Starts what is ready, and lets it run once, so that answers that are there at once go out together.
  Task<> serve_ready() {
    GrpcCall* call = calls_.next_ready();
    if (call == nullptr) co_return;
    for (; call != nullptr; call = calls_.next_ready()) start(*call);
    gathering_ = true;
    co_await runtime_.yield();
    gathering_ = false;
  }

  void start(GrpcCall& call) {
    if (idle_workers_.empty()) {
      idle_workers_.push_back(&workers_.emplace_back());
      idle_workers_.reserve(workers_.size());
    }
    Worker& worker = *idle_workers_.back();
    idle_workers_.pop_back();
    worker.connection = this;
    worker.call = &call;
    call.worker = &worker;
    ++busy_;
    worker.task.start(runtime_, serve(call), &Connection::worker_ended, &worker);
  }

  static void worker_ended(void* context) {
    Worker& worker = *static_cast<Worker*>(context);
    Connection& connection = *worker.connection;
    connection.idle_workers_.push_back(&worker);
    --connection.busy_;
    connection.part_ended();
  }

  void reader_ended() {
    for (Worker& worker : workers_) worker.task.cancel();
    part_ended();
  }

  void part_ended() {
    if (reader_.running() || busy_ > 0 || joiner_ == nullptr || !joiner_->waiting()) return;
    std::exchange(joiner_, nullptr)->resume(0);
  }

  Task<> serve(GrpcCall& call) {
    GrpcReply reply;
    Result<Slice> message = server_.decompressed(call, reply);
    if (message) {
      GrpcRequest request{call.method(), std::move(*message), call.take_metadata()};
      reply = co_await server_.service_.serve(std::move(request));
    }
    call.worker = nullptr;
    calls_.finish(call, std::move(reply));
    if (!gathering_ && !sending_) {
      co_await flush();
    }
    if (server_.stopping_) server_.something_ended_.notify_all();
  }

  // One sends at a time, all there is; who comes meanwhile waits. False: the connection is broken.
  Task<bool> flush() {
    while (sending_) {
      const Result<> waited = co_await sent_.wait();
      if (!waited) co_return false;
    }
    sending_ = true;
    while (!broken_ && calls_.wants_to_send()) {
      out_.clear();
      if (!calls_.take_output(out_, output_bytes_max)) broken_ = true;
      if (broken_ || out_.empty()) break;
      const Result<> sent = co_await stream_.send(out_.parts(), server_.settings_.silence_max);
      if (!sent) broken_ = true;
    }
    sending_ = false;
    sent_.notify_all();
    if (broken_) reader_.cancel();
    co_return !broken_;
  }

  GrpcServer& server_;
  Runtime& runtime_;
  ByteStream stream_;
  ReceiveBuffer buffer_;
  GrpcCalls calls_;
  OwnedTask reader_;
  std::deque<Worker> workers_;  // never moves one
  std::vector<Worker*> idle_workers_;
  std::vector<GrpcCall*> expired_;
  Http2Output out_;
  MonotonicTime born_;
  Notifier sent_;
  Joiner* joiner_ = nullptr;
  std::size_t busy_ = 0;  // tasks beside the reader
  bool gathering_ = false;
  bool sending_ = false;
  bool broken_ = false;
  bool is_secure_ = false;
  Connection* next_ = nullptr;
  Connection* previous_ = nullptr;
  friend class GrpcServer;
};

GrpcServer::GrpcServer(Runtime& runtime, BlockPool& pool, CopyCounters& copies, GrpcService& service,
                       GrpcSettings settings)
    : runtime_(runtime),
      pool_(pool),
      copies_(copies),
      service_(service),
      settings_(settings),
      acceptor_(runtime, *this),
      serving_(runtime),
      something_ended_(runtime) {}

GrpcServer::~GrpcServer() { STINT_CHECK(connections_ == 0); }

void GrpcServer::serve(Stream stream) { serving_.spawn(serve_connection(std::move(stream))); }

Task<Result<bool>> GrpcServer::make_room() {
  const std::size_t most = acceptor_.connections_max(settings_.connections_max);
  while (serving_.size() >= most) {
    Connection* const idle = longest_idle();
    if (idle == nullptr) {
      if (refused_++ == 0) {
        log(LogLevel::warn, "more than ", most, " busy gRPC connections: new ones are closed");
      }
      co_return false;
    }
    ++evicted_;
    co_await idle->leave();
    while (serving_.size() >= most) {
      const Result<> ended = co_await something_ended_.wait(runtime_.now() + end_look);
      if (!ended && ended.error().code != ErrorCode::timed_out) co_return ended.error();
    }
  }
  co_return true;
}

GrpcServer::Connection* GrpcServer::longest_idle() const {
  Connection* found = nullptr;
  for (Connection* connection = first_; connection != nullptr; connection = connection->next_) {
    if (connection->calls() > 0) continue;
    if (found == nullptr || connection->idle_since() < found->idle_since()) found = connection;
  }
  return found;
}

Task<> GrpcServer::serve_connection(Stream stream) {
  const auto connection = std::make_unique<Connection>(*this, std::move(stream));
  co_await connection->run();
}

// Those that the reference registers, by their exact names.
bool GrpcServer::has_encoding(std::string_view name) const {
  return name == "gzip" || name == "snappy" || name == "zstd";
}

Result<Slice> GrpcServer::decompressed(GrpcCall& call, GrpcReply& refusal) {
  Slice message = call.take_message();
  if (!call.is_compressed()) return message;
  const wire::ContentEncoding encoding = *wire::content_encoding_of(call.encoding());
  Result<Slice> inflated = decompressor_.decompress(encoding, message.view(), pool_, settings_.message_bytes_max);
  if (inflated) return inflated;
  switch (inflated.error().code) {
    case ErrorCode::memory_full: refusal = service_.memory_full(); break;
    case ErrorCode::too_large:
      refusal = {.code = wire::RpcCode::resource_exhausted,
                 .message = concat("grpc: received message after decompression larger than max ",
                                   settings_.message_bytes_max)};
      break;
    default:
      refusal = {.code = wire::RpcCode::internal,
                 .message = concat("grpc: failed to decompress the message: ", to_string(inflated.error()))};
  }
  return inflated.error();
}

bool GrpcServer::is_busy() const {
  for (const Connection* connection = first_; connection != nullptr; connection = connection->next_) {
    if (connection->calls() > 0) return true;
  }
  return false;
}

Task<> GrpcServer::stop(Nanoseconds grace) {
  stopping_ = true;
  co_await acceptor_.stop();
  const MonotonicTime end = after(runtime_.now(), grace);
  Scope goodbyes(runtime_);
  for (Connection* connection = first_; connection != nullptr; connection = connection->next_) {
    goodbyes.spawn(connection->say_goodbye());
  }
  while (!goodbyes.empty() || is_busy()) {
    const Result<> ended = co_await something_ended_.wait(std::min(end, runtime_.now() + Milliseconds(20)));
    if (!ended && (ended.error().code == ErrorCode::cancelled || runtime_.now() >= end)) break;
  }
  goodbyes.cancel();
  co_await goodbyes.join();
  serving_.cancel();
  co_await serving_.join();
}

}  // namespace stint::net
