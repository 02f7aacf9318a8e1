// SPDX-License-Identifier: Apache-2.0
// Every limit of the program, on this one page. Each is refused at the door with the status named beside it.
// layer/reference.md is generated from the lines between the markers: `constexpr type name = value;  // meaning`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace stint::limits {

// [limits]
constexpr std::size_t memory_bytes_max =
    16u << 20;  // memory for data; STINT_MEMORY_MAX_MIB changes it; over it: 503 with Retry-After
constexpr std::size_t http_body_bytes_max = 20u << 20;  // one HTTP request body, compressed or not; over it: 400
constexpr std::size_t http_head_bytes_max = 64u << 10;  // request line and headers together; over it: 431
constexpr std::size_t http_headers_max = 100;           // headers of one request; over it: 431
constexpr std::size_t grpc_message_bytes_max =
    4u << 20;  // one gRPC message, compressed or not; over it: status 8; max_recv_msg_size_mib changes it
constexpr std::uint32_t grpc_streams_max =
    100;  // calls under way on one gRPC connection; over it: the stream is refused
constexpr std::size_t http2_headers_bytes_max =
    64u << 10;  // headers of one call, 32 bytes more for each; over it: the stream is reset
constexpr std::size_t http2_idle_frames_max =
    1000;  // frames of one connection that carry no request (resets, settings, pings), at once; over it: closed
constexpr std::size_t http2_idle_frames_per_second = 33;      // by which that allowance grows again
constexpr std::size_t http2_window_bytes = 1u << 20;          // what a gRPC client may send before it is read
constexpr std::size_t http2_retained_bytes_max = 256u << 10;  // memory of HTTP/2 that is kept for reuse
constexpr std::size_t connections_max =
    128;  // connections of a receiver, or 1/7 of the descriptors; over it: the longest idle or the new one is closed
constexpr Nanoseconds idle_connection_max = Seconds(60);    // a connection without a request; then closed
constexpr Nanoseconds request_silence_max = Seconds(10);    // silence inside a request; then 408 and closed
constexpr Nanoseconds request_head_time_max = Seconds(30);  // from a request's first byte to its head's end; then 408
constexpr std::uint32_t nesting_max = 64;     // levels of attribute values inside each other; over it: 400
constexpr Nanoseconds hold_max = Seconds(2);  // wait for back ends that holds an invocation; then it is released
constexpr Nanoseconds last_tries_max =
    Seconds(1);  // of trying again when the environment ends, and half of the time left; then dropped and counted
constexpr std::size_t decouple_queue_requests_max = 200;  // default of decouple's max_queue_size; the SDK waits
constexpr std::size_t deliveries_max = 4;                 // requests of one queue under way at one time; metrics: one
constexpr std::size_t deliveries_at_end_max = 16;         // the same when the environment ends
constexpr std::size_t metadata_bytes_max = 16u << 10;     // kept by include_metadata; over it: 431, RESOURCE_EXHAUSTED
constexpr std::size_t batch_combinations_max =
    10'000;  // of metadata values in one batch, whatever metadata_cardinality_limit says; over it: 500
constexpr std::size_t batch_metadata_bytes_max = 1u << 20;  // values of all these combinations; over it: 500
constexpr std::size_t config_bytes_max = 1u << 20;          // one configuration document; over it: refused at start
constexpr std::uint32_t config_nesting_max = 64;       // levels of a configuration document; over it: refused at start
constexpr std::uint32_t config_expansions_max = 1000;  // ${} expansions of one document; over it: refused at start
constexpr std::size_t config_nodes_max =
    50'000;  // values of a configuration, aliases and expansions included; over it: refused at start
constexpr std::size_t config_expanded_bytes_max =
    4u << 20;  // text of a configuration, aliases and expansions included; over it: refused at start
constexpr std::size_t telemetry_body_bytes_max =
    4u << 20;  // one delivery of the Telemetry API; over it: dropped, answered 200
constexpr std::size_t json_body_bytes_max =
    20u << 20;  // one request to a back end in JSON, before compression; over it: dropped, said
constexpr std::size_t json_pieces_max =
    1000;  // pieces beyond one in which messages of a request to a back end in JSON come; over it: dropped, said
constexpr std::size_t response_head_bytes_max =
    64u << 10;  // head of a back end's answer; over it: the connection is closed
constexpr std::size_t response_body_bytes_max =
    64u << 10;  // body of a back end's answer that is kept; the rest is read and dropped
constexpr std::size_t response_memory_bytes_max =
    4u << 20;  // memory of an exporter for answers, beside that for data; over it: the request is tried again
constexpr std::size_t zstd_window_bytes_max = 512u << 10;  // how far a zstd body that is sent refers back to itself
constexpr std::size_t proxy_head_bytes_max = 16u << 10;  // a proxy's answer to CONNECT; over it: the attempt has failed
constexpr std::size_t journal_bytes_max =
    32u << 20;  // the journal, at most a tenth of the free space; STINT_JOURNAL_MAX_MIB changes it; over it: not in it
constexpr Nanoseconds journal_retry_after = Seconds(60);  // after a write to the journal that failed; then tried again
constexpr std::size_t tls_file_bytes_max = 4u << 20;      // a file of certificates or keys; over it: not used, said
constexpr std::size_t inert_connections_max = 64;         // senders after a crash; over it: the oldest one is closed
constexpr std::size_t inert_head_bytes_max = 16u << 10;  // head of a request after a crash; over it: refused as all are
// [/limits]

}  // namespace stint::limits
