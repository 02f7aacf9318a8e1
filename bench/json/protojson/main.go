// SPDX-License-Identifier: Apache-2.0

// What Go's official protojson does with the same documents: JSON to messages to protobuf, per CPU second.
package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	logs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func cpuSeconds() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}

func message(document string) proto.Message {
	switch {
	case strings.Contains(document, "resourceMetrics"):
		return &metrics.ExportMetricsServiceRequest{}
	case strings.Contains(document, "resourceLogs"):
		return &logs.ExportLogsServiceRequest{}
	}
	return &traces.ExportTraceServiceRequest{}
}

func main() {
	options := protojson.UnmarshalOptions{DiscardUnknown: true}
	for _, path := range os.Args[1:] {
		document, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		request := message(string(document[:40]))
		rounds := 0
		for start := cpuSeconds(); ; {
			fresh := request.ProtoReflect().New().Interface()
			if err := options.Unmarshal(document, fresh); err != nil {
				panic(err)
			}
			if _, err := proto.Marshal(fresh); err != nil {
				panic(err)
			}
			rounds++
			if spent := cpuSeconds() - start; spent > 2 {
				fmt.Printf("%s %.1f MB per CPU second\n", path, float64(rounds*len(document))/spent/1e6)
				break
			}
		}
	}
}
