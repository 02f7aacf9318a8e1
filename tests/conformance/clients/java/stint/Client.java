// SPDX-License-Identifier: Apache-2.0
// Sends the same telemetry to each URL in turn: Client http/protobuf|grpc gzip|none URL...
// Ends with status 0 when everything was accepted everywhere. OTEL_EXPORTER_OTLP_CERTIFICATE names an authority to trust.
package stint;

import io.opentelemetry.sdk.common.CompletableResultCode;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

public final class Client {
    private Client() {}

    public static void main(String[] arguments) throws Exception {
        Telemetry made = Telemetry.make();
        List<String> urls = Arrays.asList(arguments).subList(2, arguments.length);
        for (String url : urls) {
            try (Exporters exporters = Exporters.make(arguments[0], arguments[1], url)) {
                send(made, exporters);
            } catch (IllegalStateException notAccepted) {
                System.err.println(notAccepted);
                System.exit(1);
            }
        }
        System.exit(0); // the exporters' threads linger
    }

    /** Throws IllegalStateException when something was not accepted. */
    static void send(Telemetry made, Exporters exporters) {
        await("traces", exporters.traces().export(made.spans()));
        made.metrics().forEach(one -> await("metrics", exporters.metrics().export(one)));
        await("logs", exporters.logs().export(made.records()));
    }

    private static void await(String signal, CompletableResultCode result) {
        if (!result.join(20, TimeUnit.SECONDS).isSuccess()) {
            throw new IllegalStateException(signal + " were not accepted", result.getFailureThrowable());
        }
    }
}
