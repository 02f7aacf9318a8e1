// SPDX-License-Identifier: Apache-2.0
// Sends the same telemetry to each URL in turn: client http/protobuf|grpc gzip|none URL...
// Ends with status 0 when everything was accepted everywhere. SSL_CERT_FILE names an authority to trust. In a Lambda
// environment it is a function (function.go).
package main

import (
	"context"
	"log"
	"os"
	"time"
)

func main() {
	if address := os.Getenv("AWS_LAMBDA_RUNTIME_API"); address != "" {
		log.Fatal(serve(context.Background(), address))
	}
	if len(os.Args) < 4 {
		log.Fatal("usage: client http/protobuf|grpc gzip|none URL...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	made, err := makeTelemetry(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, url := range os.Args[3:] {
		if err := send(ctx, made, os.Args[1], os.Args[2] == "gzip", url); err != nil {
			log.Fatalf("%s: %v", url, err)
		}
	}
}
