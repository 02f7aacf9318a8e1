// SPDX-License-Identifier: Apache-2.0
// The client as a Lambda function: what it sends it sends once per invocation, before it answers. It is its own runtime,
// as functions in Go are. OTEL_EXPORTER_OTLP_PROTOCOL, _COMPRESSION and _ENDPOINT say how and where to.
package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
)

func serve(ctx context.Context, address string) error {
	runtime := "http://" + address + "/2018-06-01/runtime/invocation/"
	for {
		event, err := http.Get(runtime + "next")
		if err != nil {
			return err
		}
		if _, err = io.Copy(io.Discard, event.Body); err != nil {
			return err
		}
		event.Body.Close()
		invocation := runtime + event.Header.Get("Lambda-Runtime-Aws-Request-Id")
		if err = invoke(ctx); err != nil {
			err = post(invocation+"/error", `{"errorType":"Export","errorMessage":"telemetry was not accepted","stackTrace":[]}`)
		} else {
			err = post(invocation+"/response", `{"flushed":true}`)
		}
		if err != nil {
			return err
		}
	}
}

func invoke(ctx context.Context) error {
	made, err := makeTelemetry(ctx)
	if err != nil {
		return err
	}
	transport, gzip := os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_COMPRESSION") == "gzip"
	for _, url := range strings.Fields(os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")) {
		if err := send(ctx, made, transport, gzip, url); err != nil {
			return err
		}
	}
	return nil
}

func post(url, body string) error {
	answer, err := http.Post(url, "application/json", strings.NewReader(body))
	if err == nil {
		answer.Body.Close()
	}
	return err
}
