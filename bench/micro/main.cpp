// SPDX-License-Identifier: Apache-2.0
// The benchmarks of single parts, as one program: Google Benchmark's options (--benchmark_filter=gzip) choose.
#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
