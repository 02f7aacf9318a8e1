// SPDX-License-Identifier: Apache-2.0
// The SDK's exporters by transport.
package stint;

import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.metrics.OtlpHttpMetricExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.logs.OtlpGrpcLogRecordExporter;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

record Exporters(SpanExporter traces, MetricExporter metrics, LogRecordExporter logs) implements AutoCloseable {
    static Exporters make(String transport, String compression, String url) throws IOException {
        return switch (transport) {
            case "http/protobuf" -> overHttp(compression, url);
            case "grpc" -> overGrpc(compression, url);
            default -> throw new IllegalArgumentException("this client has no exporter for " + transport);
        };
    }

    private static Exporters overHttp(String compression, String url) throws IOException {
        var traces = OtlpHttpSpanExporter.builder().setEndpoint(url + "/v1/traces").setCompression(compression);
        var metrics = OtlpHttpMetricExporter.builder().setEndpoint(url + "/v1/metrics").setCompression(compression);
        var logs = OtlpHttpLogRecordExporter.builder().setEndpoint(url + "/v1/logs").setCompression(compression);
        byte[] authority = authority();
        if (authority != null) {
            traces.setTrustedCertificates(authority);
            metrics.setTrustedCertificates(authority);
            logs.setTrustedCertificates(authority);
        }
        return new Exporters(traces.build(), metrics.build(), logs.build());
    }

    private static Exporters overGrpc(String compression, String url) throws IOException {
        var traces = OtlpGrpcSpanExporter.builder().setEndpoint(url).setCompression(compression);
        var metrics = OtlpGrpcMetricExporter.builder().setEndpoint(url).setCompression(compression);
        var logs = OtlpGrpcLogRecordExporter.builder().setEndpoint(url).setCompression(compression);
        byte[] authority = authority();
        if (authority != null) {
            traces.setTrustedCertificates(authority);
            metrics.setTrustedCertificates(authority);
            logs.setTrustedCertificates(authority);
        }
        return new Exporters(traces.build(), metrics.build(), logs.build());
    }

    private static byte[] authority() throws IOException {
        String file = System.getenv("OTEL_EXPORTER_OTLP_CERTIFICATE");
        return file == null ? null : Files.readAllBytes(Path.of(file));
    }

    @Override
    public void close() {
        traces.shutdown();
        metrics.shutdown();
        logs.shutdown();
    }
}
