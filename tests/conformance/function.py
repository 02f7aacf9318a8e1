# SPDX-License-Identifier: Apache-2.0
"""The demonstration function under the real runtime interface client, without a local Lambda."""

import os
import subprocess

from collector import ROOT
from lambda_stub import LambdaStub

FUNCTION = ROOT / "tools" / "functions" / "demo"


def run_function(python, url, invocations, seed, **environment):
    """The demonstration function under the real runtime interface client. Returns its responses."""
    added = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_LAMBDA_FUNCTION_NAME": "demo",
        **({"STINT_DEMO_SEED": seed} if seed is not None else {}),
        **environment,
    }
    with LambdaStub([{}] * invocations) as stub:
        process = subprocess.Popen(
            [python, "-m", "awslambdaric", "handler.handler"],
            cwd=FUNCTION,
            env={"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": stub.address, **added},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert stub.wait_for_responses(invocations), process.poll()
        finally:
            process.kill()
            process.wait()
        assert stub.errors == []
        return stub.responses
