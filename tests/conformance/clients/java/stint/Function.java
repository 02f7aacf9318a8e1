// SPDX-License-Identifier: Apache-2.0
// The client as a Lambda function: what it sends it sends once per invocation, before it answers. It speaks the Runtime
// API itself. OTEL_EXPORTER_OTLP_PROTOCOL, _COMPRESSION and _ENDPOINT say how and where to.
package stint;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public final class Function {
    private static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private Function() {}

    public static void main(String[] arguments) throws Exception {
        String runtime = "http://" + System.getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/";
        while (true) {
            HttpResponse<String> event = exchange(HttpRequest.newBuilder(URI.create(runtime + "next")));
            String invocation = runtime + event.headers().firstValue("Lambda-Runtime-Aws-Request-Id").orElseThrow();
            try {
                invoke();
                post(invocation + "/response", "{\"flushed\":true}");
            } catch (IllegalStateException notAccepted) {
                post(invocation + "/error", "{\"errorType\":\"Export\",\"errorMessage\":\"telemetry was not accepted\",\"stackTrace\":[]}");
            }
        }
    }

    private static void invoke() throws Exception {
        Telemetry made = Telemetry.make();
        String transport = System.getenv("OTEL_EXPORTER_OTLP_PROTOCOL");
        String compression = System.getenv("OTEL_EXPORTER_OTLP_COMPRESSION");
        for (String url : System.getenv("OTEL_EXPORTER_OTLP_ENDPOINT").split(" ")) {
            try (Exporters exporters = Exporters.make(transport, compression, url)) {
                Client.send(made, exporters);
            }
        }
    }

    private static void post(String url, String body) throws IOException, InterruptedException {
        exchange(HttpRequest.newBuilder(URI.create(url)).POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    private static HttpResponse<String> exchange(HttpRequest.Builder request) throws IOException, InterruptedException {
        return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }
}
