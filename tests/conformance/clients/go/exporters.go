// SPDX-License-Identifier: Apache-2.0
// The SDK's exporters by transport, and the sending of everything to one place.
package main

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
)

type exporters struct {
	traces  trace.SpanExporter
	metrics metric.Exporter
	logs    sdklog.Exporter
}

func overHTTP(ctx context.Context, gzip bool, url string) (result exporters, err error) {
	spans, points, records := otlptracehttp.NoCompression, otlpmetrichttp.NoCompression, otlploghttp.NoCompression
	if gzip {
		spans, points, records = otlptracehttp.GzipCompression, otlpmetrichttp.GzipCompression, otlploghttp.GzipCompression
	}
	var errs [3]error
	result.traces, errs[0] = otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(url+"/v1/traces"), otlptracehttp.WithCompression(spans))
	result.metrics, errs[1] = otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(url+"/v1/metrics"), otlpmetrichttp.WithCompression(points))
	result.logs, errs[2] = otlploghttp.New(ctx, otlploghttp.WithEndpointURL(url+"/v1/logs"), otlploghttp.WithCompression(records))
	return result, errors.Join(errs[:]...)
}

func overGRPC(ctx context.Context, gzip bool, url string) (result exporters, err error) {
	spans := []otlptracegrpc.Option{otlptracegrpc.WithEndpointURL(url)}
	points := []otlpmetricgrpc.Option{otlpmetricgrpc.WithEndpointURL(url)}
	records := []otlploggrpc.Option{otlploggrpc.WithEndpointURL(url)}
	if gzip {
		spans = append(spans, otlptracegrpc.WithCompressor("gzip"))
		points = append(points, otlpmetricgrpc.WithCompressor("gzip"))
		records = append(records, otlploggrpc.WithCompressor("gzip"))
	}
	var errs [3]error
	result.traces, errs[0] = otlptracegrpc.New(ctx, spans...)
	result.metrics, errs[1] = otlpmetricgrpc.New(ctx, points...)
	result.logs, errs[2] = otlploggrpc.New(ctx, records...)
	return result, errors.Join(errs[:]...)
}

func send(ctx context.Context, made *telemetry, transport string, gzip bool, url string) error {
	var to exporters
	var err error
	switch transport {
	case "http/protobuf":
		to, err = overHTTP(ctx, gzip, url)
	case "grpc":
		to, err = overGRPC(ctx, gzip, url)
	default:
		err = fmt.Errorf("this SDK has no exporter for %s", transport)
	}
	if err != nil {
		return err
	}
	if err := to.traces.ExportSpans(ctx, made.spans); err != nil {
		return err
	}
	for _, one := range made.metrics {
		if err := to.metrics.Export(ctx, one); err != nil {
			return err
		}
	}
	if err := to.logs.Export(ctx, made.records); err != nil {
		return err
	}
	return errors.Join(to.traces.Shutdown(ctx), to.metrics.Shutdown(ctx), to.logs.Shutdown(ctx))
}
